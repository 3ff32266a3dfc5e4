// Templates: html`<p>…</p>`. Components that read signals are rendered again when these change.

import '@preact/signals'

export { html } from 'htm/preact'
