// Starts the page.

import { render } from 'preact'
import { App } from './app.mjs'
import { html } from './html.mjs'
import { connect } from './live.mjs'

// The address has the token once. The cookie has it from now on.
history.replaceState(null, '', `/${location.hash}`)
connect()
render(html`<${App} />`, document.getElementById('app'))
