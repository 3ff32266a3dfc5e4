// What a model is without some of its heads: its loss, its writing, and which heads matter most.

import { html } from './html.mjs'
import { choicesWords, headWords, textOf } from './words.mjs'

/** The heads that are listed. */
const most = 3

export function HeadEffects({ gaze, unit }) {
  const { look, off, losses } = gaze
  const { loss, layers, heads } = look.value
  const tried = losses.value?.length
  const isRanking = tried < layers * heads
  return html`
    <div class="effects">
      <p class="loss-words" role="status">${lossWords(look.value, unit)}</p>
      ${loss !== null && html`<p class="muted">${natsWords(look.value)}</p>`}
      <div class="buttons">
        <button class="button" disabled=${off.value.length === 0} onClick=${() => {
          off.value = []
        }}>All on</button>
        <button class="button" disabled=${loss === null || isRanking} onClick=${() => gaze.rank()}>
          ${isRanking ? `Trying head ${tried + 1} of ${layers * heads}…` : 'Which heads matter?'}
        </button>
      </div>
      ${tried === layers * heads && html`<${Ranking} losses=${losses.value} heads=${heads} loss=${loss} />`}
    </div>
  `
}

const withoutWords = (off) => (off.length === 1 ? headWords(off[0]).toLowerCase() : `${off.length} heads`)

function lossWords({ loss, lossWithout, off }, unit) {
  if (loss === null) return `Write at least two ${unit}s to see how well it guesses.`
  const [now, before] = [choicesWords(lossWithout), choicesWords(loss)]
  const who =
    off.length === 0
      ? 'With all heads, it'
      : `Without ${withoutWords(off)}, it${now === before ? ' still' : ''}`
  return html`
    ${who} guesses each ${unit} of this text as if choosing among <strong>${now}</strong>
    ${now !== before && html` instead of <strong>${before}</strong>`}
  `
}

const natsWords = ({ loss, lossWithout, off }) =>
  off.length === 0
    ? `A loss of ${loss.toFixed(2)} nats. Switch a head off to see what it is good for.`
    : `A loss of ${lossWithout.toFixed(2)} nats instead of ${loss.toFixed(2)}.`

/** The heads whose absence does the most harm. */
function Ranking({ losses, heads, loss }) {
  const all = losses.map((without, i) => ({ layer: Math.floor(i / heads), head: i % heads, without }))
  const first = all.sort((a, b) => b.without - a.without).slice(0, most)
  return html`
    <div class="ranking" role="status">
      <h3>What matters most for this text</h3>
      <ol>
        ${first.map((each) => html`<li>${headWords(each)}: without it, ${choicesWords(each.without)} instead of ${choicesWords(loss)}</li>`)}
      </ol>
      <p class="muted">The bars in the grid compare all heads: the longer, the more it matters.</p>
    </div>
  `
}

/** What the model writes with and without the heads that are off. */
export function HeadSamples({ gaze }) {
  const { samples, off, seed, text } = gaze
  const { all, without } = samples.value
  if (!all) return null
  const line = /[^\n]*$/.exec(text.value)[0].slice(-24)
  const before = html`<span class="muted">${line.length < text.value.length && '…'}${line}</span>`
  let same = without?.findIndex(({ id }, i) => id !== all[i]?.id)
  if (same === -1) same = without.length
  return html`
    <div class="row after">
      <h3>How it continues the text</h3>
      <button class="button small" onClick=${() => {
        seed.value++
      }}>Draw again</button>
    </div>
    <div class="pair">
      <div>
        <h4>With all heads</h4>
        <div class="sample" tabindex="0" role="region" aria-label="With all heads">${before}${textOf(all)}</div>
      </div>
      <div>
        <h4>${off.value.length > 0 ? `Without ${withoutWords(off.value)}` : 'Without some heads'}</h4>
        <div class="sample" tabindex="0" role="region" aria-label="Without some heads">
          ${
            without
              ? html`${before}${textOf(without.slice(0, same))}<mark>${textOf(without.slice(same))}</mark>`
              : off.value.length === 0 &&
                html`<span class="muted">Switch a head off in the grid, and the text without it appears here.</span>`
          }
        </div>
      </div>
    </div>
    <p class="help">
      Both draw with the same random numbers. From the first colored character they differ: each choice changes all that come after it.
    </p>
  `
}
