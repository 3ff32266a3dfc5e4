// A text token by token, with backgrounds in shades of the accent color. The pointer or the arrow keys
// choose a token.

import { html } from './html.mjs'

/** In nats. A token that is more surprising has the same color. */
const most = 5

/** The shade of a token with this loss. null: it has none. */
export const shadeOfLoss = (loss) => Math.min(1, (loss ?? 0) / most)

/**
 * @param shades from 0 to 1 for each token
 * @param at the chosen token, or null
 * @param first the first token that can be chosen
 * @param onAt called with the index of a token that the user chooses
 * @param onLeave called when the pointer leaves the text
 */
export function Tokens({ tokens, shades, at, first = 0, label, describedBy, onAt, onLeave }) {
  const move = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -tokens.length, End: tokens.length }
    const by = steps[event.key]
    if (by === undefined || tokens.length <= first) return
    event.preventDefault()
    onAt(Math.min(tokens.length - 1, Math.max(first, (at ?? 0) + by)))
  }
  return html`
    <div
      class="sample colored"
      tabindex="0"
      role="region"
      aria-label=${label}
      aria-describedby=${describedBy}
      onKeyDown=${move}
      onPointerLeave=${onLeave}
    >
      ${tokens.map(
        ({ text }, i) => html`<span
          class=${`heat ${i === at ? 'at' : ''} ${text === '\n' ? 'break' : ''}`}
          style=${{ '--heat': `${Math.round(100 * shades[i])}%` }}
          onPointerEnter=${() => i >= first && onAt(i)}
        >${text || '\ufffd'}</span>`,
      )}
    </div>
  `
}
