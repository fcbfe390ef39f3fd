import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Bundles the chat and the console to dist/web, where the gateway finds them. Nothing is fetched from elsewhere at run time. */
export default defineConfig({
  root: here,
  base: './',
  build: {
    // The component library marks its modules for a server that renders; there is none here.
    rollupOptions: {
      input: [`${here}index.html`, `${here}console/index.html`],
      onLog: (level, log, tell) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && tell(level, log),
    },

    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    sourcemap: false,
    chunkSizeWarningLimit: 1_500,
  },
})
