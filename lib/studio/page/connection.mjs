// Whether the page hears from the studio.

import { html } from './html.mjs'
import { connection, studio } from './state.mjs'

export function Connection() {
  const isLost = connection.value === 'lost'
  return html`
    <p class="connection ${isLost ? 'lost' : ''}" role="status">
      ${
        isLost
          ? html`No answer from the studio. If you ended it, start${' '}<code>nano-gpt studio</code> again and open
              its new address.`
          : studio.value && html`<span class="dot"></span> Connected`
      }
    </p>
  `
}
