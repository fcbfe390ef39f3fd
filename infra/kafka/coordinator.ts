import type { BrokerLink, Cluster } from './cluster.ts'
import { type Call, ErrorCode, errorName } from './protocol.ts'

/** The broker that coordinates a group or a transactional id: asked for once, and again after it was forgotten. */
export class Coordinator {
  private readonly cluster: Cluster
  private readonly question: Call<{ errorCode: number; nodeId: number }>
  private nodeId: number | undefined

  /** `question` is the FindCoordinator request that names the group or the id. */
  constructor(cluster: Cluster, question: Call<{ errorCode: number; nodeId: number }>) {
    this.cluster = cluster
    this.question = question
  }

  /** The next `link` asks again: it was another broker, or did not answer. */
  forget(): void {
    this.nodeId = undefined
  }

  /** The connection to it. Throws when nobody knows it now. */
  async link(): Promise<BrokerLink> {
    this.nodeId ??= await this.find()
    if (!this.cluster.knows(this.nodeId)) await this.cluster.refresh()
    return this.cluster.link(this.nodeId)
  }

  private async find(): Promise<number> {
    const any = await this.cluster.anyLink()
    try {
      const { errorCode, nodeId } = await any.send(this.question)
      if (errorCode !== ErrorCode.NONE) throw new Error(`FindCoordinator: ${errorName(errorCode)}`)
      return nodeId
    } catch (error) {
      this.cluster.drop(any)
      throw error
    }
  }
}
