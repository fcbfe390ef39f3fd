/** What the local stack is made of. A change here makes a new folder in the parts cache; old ones are left alone. */
export const VERSIONS = {
  kafka: '4.3.1',
  log4j: '2.25.0',
  registry: '2.6.13.Final',
  mavenDependencyPlugin: '3.8.1',
  chdb: '3.4.0',
} as const

/** SHA-256 of the registry's archive: it is unpacked and run, and Maven by itself only warns about a wrong checksum. */
export const REGISTRY_ARCHIVE_SHA256 = '3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba'

export const JAVA_MAJOR_MIN = 17
