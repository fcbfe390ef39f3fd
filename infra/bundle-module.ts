import { build, type Rolldown } from 'vite'

/** One minified module, in memory, as a bundler of apps makes it. */
export async function bundleModule(source: string, format: 'es' | 'cjs' = 'es'): Promise<string> {
  const result = (await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: id => (id === 'entry' ? '\0entry' : null),
        load: id => (id === '\0entry' ? source : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      rollupOptions: { input: 'entry', preserveEntrySignatures: 'strict', output: { format } },
    },
  })) as Rolldown.RolldownOutput
  return result.output.flatMap(chunk => (chunk.type === 'chunk' ? [chunk.code] : [])).join('\n')
}
