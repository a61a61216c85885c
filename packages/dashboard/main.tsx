import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '@patternfly/react-core/dist/styles/base.css'
import { App } from './app/app.tsx'
import './app/app.css'
import { connect } from './live/connection.ts'

const root = document.getElementById('app')
if (root)
  createRoot(root).render(
    <StrictMode>
      <App connection={connect(new URL(location.href))} />
    </StrictMode>,
  )
