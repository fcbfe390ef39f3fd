import { readFile } from 'node:fs/promises'
import { BadConfig, type KafkaSecurityFiles } from '../infra/config.ts'
import { AccessRefused, checkAccess, type KafkaSecurity } from '../infra/kafka/security.ts'

/** Reads the files that the configuration names. Throws BadConfig that names the variable whose file cannot be read. */
export async function readKafkaSecurity({ tls, sasl }: KafkaSecurityFiles): Promise<KafkaSecurity> {
  const security: KafkaSecurity = {}
  if (tls !== undefined) {
    const [ca, cert, key] = await Promise.all([
      contentOf('KAFKA_CA_FILE', tls.caFile),
      contentOf('KAFKA_CERT_FILE', tls.certFile),
      contentOf('KAFKA_KEY_FILE', tls.keyFile),
    ])
    const parts = { ca, cert, key }
    security.tls = Object.fromEntries(Object.entries(parts).filter(([, text]) => text !== undefined))
  }
  if (sasl !== undefined) {
    const { mechanism, username, passwordFile } = sasl
    const password = (await contentOf('KAFKA_SASL_PASSWORD_FILE', passwordFile))?.trimEnd() ?? ''
    if (password === '') throw new BadConfig('KAFKA_SASL_PASSWORD_FILE is empty')
    security.sasl = { mechanism, username, password }
  }
  return security
}

async function contentOf(variable: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return readFile(file, 'utf8').catch(error => {
    throw new BadConfig(`${variable} cannot be read: ${(error as Error).message}`)
  })
}

/** Throws BadConfig when the brokers are there and refuse us, or we do not trust them. */
export async function requireAccess(options: Parameters<typeof checkAccess>[0]): Promise<void> {
  const { tls, sasl } = options.security
  if (tls === undefined && sasl === undefined) return
  try {
    await checkAccess(options)
  } catch (error) {
    if (!(error instanceof AccessRefused)) throw error
    throw new BadConfig(`KAFKA_TLS, KAFKA_CA_FILE, KAFKA_SASL_*: ${error.message}`)
  }
}
