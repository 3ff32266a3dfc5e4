// The memory of a training, as one bar.

import { html } from './html.mjs'
import { bytes } from './speed_words.mjs'

const about = {
  weights: 'what the model knows',
  gradients: 'which way to change each weight that learns',
  optimizer: 'what it remembers from earlier steps',
  activations: 'the results of its layers, kept for computing the gradients',
}

export function Memory({ memory, isMeasured }) {
  const parts = Object.entries(memory)
  const total = parts.reduce((sum, [, size]) => sum + size, 0)
  return html`
    <section class="card speed" aria-labelledby="memory-title">
      <h2 id="memory-title">What it needs in memory</h2>
      <p class="muted">Training this model needs ${!isMeasured && 'at least '}<strong>${bytes(total)}</strong> for its numbers.</p>
      <div class="memory" aria-hidden="true">
        ${parts.map(([name, size]) => html`<div class=${name} style=${{ flexGrow: size / total }}></div>`)}
      </div>
      <ul class="parts">
        ${parts.map(
          ([name, size]) => html`
            <li>
              <h3><span class="swatch ${name}"></span>${name}</h3>
              <p>${bytes(size)}</p>
              <p class="muted">${about[name]}</p>
            </li>
          `,
        )}
      </ul>
    </section>
  `
}
