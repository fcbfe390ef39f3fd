import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { numberFlag, parseFlags } from '../../bench/options.ts'
import { developmentTokens } from '../../client/terminal/development-token.ts'
import { type Clock, systemRandom } from '../../infra/clock.ts'
import { Ledger } from '../../infra/local/ledger.ts'
import { deploy } from '../deployment.ts'
import { runSdkFaults, type SdkFaultsOptions, type SdkFaultsReport } from './run.ts'

export const SDK_FAULTS_HELP = `npm run faults -- sdk [flags]

Runs the product with parts and processes of its own and lets people with the SDK chat, edit, react and take back over
lines that are cut, delayed, half-open or down. Afterwards what each of them keeps is compared with the log, event by
event, by the digests of verify.

  --faults N    how often a line that works breaks (500)
  --people P    people, who have a pair with the next and one group (12)
  --seed N      what is done and what breaks, in which order (1)
  --json        exactly one JSON object on standard output
  --help        this text

The exit code is 0 when everything was answered and everybody keeps what the log says; 1 when not; 2 when the run could
not be made.
`

/** Reads the command line; undefined when help is asked for. Throws BadOptions. */
export function parseSdkFaultsOptions(args: readonly string[]): (SdkFaultsOptions & { json: boolean }) | undefined {
  const flags = parseFlags(args, ['faults', 'people', 'seed'], ['json', 'help'])
  if (flags.help === true) return undefined
  const number = (name: string, otherwise: string, min: number, max: number) =>
    numberFlag(`--${name}`, String(flags[name] ?? otherwise), { min, max, isWhole: true })
  return {
    faults: number('faults', '500', 1, 100_000),
    people: number('people', '12', 3, 50),
    seed: number('seed', '1', 0, 2 ** 32 - 1),
    json: flags.json === true,
  }
}

/** Entry of `npm run faults -- sdk`; gives the exit code. Throws BadOptions, LocalStackError. */
export async function sdkFaults(
  args: readonly string[],
  { clock, say }: { clock: Clock; say(line: string): void },
): Promise<number> {
  const options = parseSdkFaultsOptions(args)
  if (options === undefined) {
    process.stdout.write(SDK_FAULTS_HELP)
    return 0
  }
  say(`seed ${options.seed}`)
  const dataDir = await mkdtemp(join(tmpdir(), 'packlog-sdk-faults-'))
  const ledger = await Ledger.open(dataDir, { clock, log: say })
  try {
    const onEnd = (name: string, end: string) => say(`${name} ended ${end}`)
    const deployment = await deploy({ dataDir, brokers: 1, ledger, clock, random: systemRandom, log: say, onEnd })
    try {
      const tokens = await developmentTokens(deployment.env)
      const report = await runSdkFaults(options, {
        gatewayPorts: deployment.gatewayUrls.map(url => Number(new URL(url).port)),
        env: deployment.env,
        token: userId => tokens.token(userId, clock.now()),
        clock,
        say,
      })
      process.stdout.write(options.json ? `${JSON.stringify({ ...options, ...report })}\n` : toText(report))
      return report.differences.length === 0 ? 0 : 1
    } finally {
      say('stopping everything')
      await deployment.stop()
    }
  } finally {
    ledger.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

function toText({ faults, outcomes, differences, ...figures }: SdkFaultsReport): string {
  const counts = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  const lines = [
    `faults         ${counts(faults)}`,
    `connections    ${figures.connections}`,
    `packs          ${figures.packs}: ${counts(outcomes)}`,
    `compared       ${figures.compared} events`,
    `differences    ${differences.length}`,
    ...differences.map(difference => `  ${difference}`),
    `elapsed        ${(figures.elapsedMs / 1_000).toFixed(1)} s`,
  ]
  return `${lines.join('\n')}\n`
}
