// What decides how a token is drawn.

import { html } from './html.mjs'

const sliders = [
  {
    name: 'temperature',
    label: 'Temperature',
    ...{ min: 0, max: 2, step: 0.05 },
    help: 'Lower is more predictable, higher more random. 0: always the most likely one.',
    words: (value) => value.toFixed(2),
  },
  {
    name: 'topK',
    label: 'Top-k',
    ...{ min: 0, max: 40, step: 1 },
    help: 'Only so many of the most likely ones can come.',
    words: (value) => (value === 0 ? 'all' : String(value)),
  },
  {
    name: 'topP',
    label: 'Top-p',
    ...{ min: 0.05, max: 1, step: 0.05 },
    help: 'Only the most likely ones can come, whose chances add up to this.',
    words: (value) => value.toFixed(2),
  },
]

export function Sliders({ playground }) {
  const { sampling, seed } = playground
  return html`
    <div class="sliders">
      ${sliders.map(
        ({ name, label, min, max, step, help, words }) => html`
          <div>
            <label for=${name}>${label} <output for=${name}>${words(sampling.value[name])}</output></label>
            <input
              id=${name}
              type="range"
              min=${min}
              max=${max}
              step=${step}
              value=${sampling.value[name]}
              aria-describedby="${name}-help"
              aria-valuetext=${words(sampling.value[name])}
              onInput=${(event) => playground.change({ [name]: Number(event.target.value) })}
            />
            <p class="help" id="${name}-help">${help}</p>
          </div>
        `,
      )}
      <div>
        <label for="seed">Seed</label>
        <input
          id="seed"
          type="text"
          inputmode="numeric"
          autocomplete="off"
          aria-describedby="seed-help"
          value=${seed.value}
          onChange=${(event) => {
            const value = Number(event.target.value)
            if (Number.isSafeInteger(value) && value >= 0) {
              seed.value = value
              playground.restart()
            } else event.target.value = seed.value
          }}
        />
        <p class="help" id="seed-help">It decides the draws. The same beginning, sliders and seed give the same text.</p>
      </div>
    </div>
  `
}
