// The picture of a model, which the server has laid out.

import { html } from './html.mjs'

export function Diagram({ stage }) {
  const { picture, symbols, numbers } = stage
  const { width, height, frames, parts, flows, shapes, sentences } = picture
  const isAllNew = parts.every(({ isNew }) => isNew)
  return html`
    <section class="card" aria-labelledby="diagram-title">
      <h2 id="diagram-title">The model</h2>
      <p class="muted">From top to bottom. ${isAllNew ? 'All of it is new.' : html`<span class="new-box"></span> is new.`}</p>
      <svg class="diagram" viewBox="0 0 ${width} ${height}" aria-hidden="true">
        ${flows.map(({ path, isNew }) => html`<path class="flow ${isNew ? 'new' : ''}" d=${path} />`)}
        ${frames.map(
          ({ x, y, w, h, title, isNew }) => html`
            <rect class="frame ${isNew ? 'new' : ''}" x=${x} y=${y} width=${w} height=${h} rx="12" />
            <text class="label" x=${x + 8} y=${y + 15}>${title}</text>
          `,
        )}
        ${parts.map(
          ({ x, y, w, h, kind, title, note, isNew }) => html`
            <g class="part ${kind} ${isNew ? 'new' : ''}" text-anchor="middle">
              <rect x=${x} y=${y} width=${w} height=${h} rx="8" />
              <text x=${x + w / 2} y=${y + 17}>${title}</text>
              <text class="label" x=${x + w / 2} y=${y + 33}>${note}</text>
            </g>
          `,
        )}
        ${shapes.map(({ x, y, text }) => html`<text class="label" x=${x} y=${y}>${text}</text>`)}
        ${numbers && html`<text text-anchor="middle" x=${width / 2 - 8} y=${height - 6}>a score for each next character</text>`}
      </svg>
      <dl class="symbols">
        ${symbols.map(({ symbol, value, meaning }) => html`<div><dt>${symbol} = ${value}</dt><dd>${meaning}</dd></div>`)}
      </dl>
      <details class="options">
        <summary>The diagram as a list</summary>
        <ol>
          ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
        </ol>
      </details>
    </section>
  `
}
