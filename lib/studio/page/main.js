// Starts the page.

import { render } from 'preact'
import { App } from './app.js'
import { html } from './html.js'
import { connect } from './live.js'

// The address has the token once. The cookie has it from now on.
history.replaceState(null, '', `/${location.hash}`)
connect()
render(html`<${App} />`, document.getElementById('app'))
