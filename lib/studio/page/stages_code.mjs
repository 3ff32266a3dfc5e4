// The source of a stage. What the previous stage has too is folded.

import { html } from './html.mjs'
import { plural } from './words.mjs'

/** The fewest unchanged lines that are folded. */
const fewest = 4

export function Code({ stage }) {
  const { code, file, number } = stage
  const added = code.filter(({ isNew }) => isNew).length
  return html`
    <section class="card" aria-labelledby="code-title">
      <h2 id="code-title">The new lines of source</h2>
      <p class="muted">
        ${number === '00' ? `All ${added} lines are new.` : `${plural(added, 'line')} of ${code.length} ${added === 1 ? 'is' : 'are'} new: those with a plus.`}${' '}
        The file is <code>${file}</code>.
      </p>
      <div class="code" tabindex="0" role="region" aria-label="Source of stage ${number}">
        ${runsOf(code).map(({ isNew, lines }) =>
          !isNew && lines.length >= fewest
            ? html`<details><summary>${lines.length} lines as before</summary>${lines.map(oldLine)}</details>`
            : lines.map(isNew ? newLine : oldLine),
        )}
      </div>
    </section>
  `
}

const newLine = (line) => html`<ins>${line || ' '}</ins>`
const oldLine = (line) => html`<span>${line || ' '}</span>`

/** Lines that follow each other and are all new, or all old. */
function runsOf(code) {
  const runs = []
  for (const { text, isNew } of code) {
    if (runs.at(-1)?.isNew !== isNew) runs.push({ isNew, lines: [] })
    runs.at(-1).lines.push(text)
  }
  return runs
}
