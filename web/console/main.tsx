import { createRoot } from 'react-dom/client'
import '@mantine/core/styles.css'
import '../parts/base.css'
import './console.css'
import { App } from './app/app.tsx'

const root = document.getElementById('root')
if (root !== null) createRoot(root).render(<App />)
