// The odds of the next token as bars. A click takes that path.

import { html } from './html.mjs'
import { probabilities } from './odds_math.mjs'
import { blankNames, percent } from './words.mjs'

const bars = 12

/** Characters that are hard to see. */
const visible = { ' ': '␣', '\n': '↵', '\t': '⇥' }

export function Odds({ playground }) {
  const { odds, sampling, drawn, shown, text } = playground
  if (!odds.value) return html`<div class="odds"><p class="muted">Reading the model…</p></div>`
  const { tokens, logits } = odds.value
  const all = probabilities(logits, sampling.value)
  const next = odds.value.text === text.value ? drawn.value[shown.value] : undefined
  const some = tokens.slice(0, bars)
  const most = Math.max(...some.map(({ id }) => all[id]))
  const isShown = new Set(some.map(({ id }) => id))
  const rest = all.reduce((sum, each, id) => (isShown.has(id) ? sum : sum + each), 0)
  return html`
    <div class="odds">
      <h3 id="odds-title">What could come next</h3>
      <ol aria-labelledby="odds-title">
        ${some.map((token) => html`<${Bar} token=${token} odds=${all[token.id]} most=${most} isNext=${token.id === next?.id} onChoose=${() => playground.choose(token.text)} />`)}
      </ol>
      <p class="muted rest">${rest > 0 ? `All others together: ${percent(rest)}` : 'Nothing else can come.'}</p>
    </div>
  `
}

function Bar({ token, odds, most, isNext, onChoose }) {
  const { text } = token
  const shown =
    text === '' ? 'part of a character' : text.replace(/[ \n\t]/g, (character) => visible[character])
  const spoken = blankNames.get(text)
  return html`
    <li>
      <button class="bar ${odds === 0 ? 'out' : ''} ${isNext ? 'next' : ''}" disabled=${text === ''} onClick=${onChoose}>
        <span class="token">
          <span aria-hidden=${spoken !== undefined}>${shown}</span>
          ${spoken && html`<span class="hidden">${spoken}</span>`}
        </span>
        <span class="track"><span class="fill" style=${{ width: `${(100 * odds) / (most || 1)}%` }}></span></span>
        <span class="percent">${percent(odds)}${isNext && html`<span class="hidden">, drawn next</span>`}</span>
      </button>
    </li>
  `
}
