// The diagram of a model: its parts from top to bottom, and the shapes of what flows between them.

import { html } from './html.mjs'
import { count, plural } from './words.mjs'

// In units of the picture.
const width = 344
/** The boxes of the parts. Around them there is room for the boxes of two groups, and for a detour. */
const [left, right] = [20, 304]
const lane = 328
/** The boxes of the groups, by how deep they are. */
const groupEdges = [
  [4, 340],
  [12, 312],
]
const gap = 27
const [heading, padding] = [24, 9]

export function Diagram({ stage }) {
  const { diagram, number } = stage
  return html`
    <section class="card" aria-labelledby="diagram-title">
      <h2 id="diagram-title">The model</h2>
      <p class="muted">From top to bottom. ${diagram.parts.every(({ isNew }) => isNew) || number === '00' ? 'All of it is new.' : html`<span class="new-box"></span> is new in this stage.`}</p>
      <${Picture} diagram=${diagram} isModel=${stage.numbers !== null} />
      <dl class="symbols">
        ${diagram.symbols.map(({ symbol, value, meaning }) => html`<div><dt>${symbol} = ${value}</dt><dd>${meaning}</dd></div>`)}
      </dl>
      <details class="options">
        <summary>The diagram as a list</summary>
        <ol>
          ${diagram.parts.map((part) => html`<li>${sentenceOf(part, diagram)}</li>`)}
        </ol>
      </details>
    </section>
  `
}

function sentenceOf({ label, detail, shape, parameters, reads, group, isNew }, { parts, groups }) {
  const where =
    group < 0
      ? ''
      : ` (${groupsAround(groups, group)
          .map((at) => titleOf(groups[at]))
          .join(', ')})`
  const from = reads.length > 0 ? ` of ${reads.map((at) => nameOf(parts[at])).join(' and ')}` : ''
  const weights = parameters > 0 ? `, ${plural(parameters, 'weight')}` : ''
  const name = label === '+' ? 'the sum' : [label, detail].filter(Boolean).join(', ')
  return `${name}${from}${where}: ${shape.join(' × ')}${weights}${isNew ? '. New.' : '.'}`
}

const nameOf = ({ label }) => (label === '+' ? 'the sum' : label)
const titleOf = ({ label, times }) => (times > 1 ? `${label} × ${times}` : label)

/** A group and those around it, the outermost first. */
const groupsAround = (groups, at) => (at < 0 ? [] : [...groupsAround(groups, groups[at].group), at])

function Picture({ diagram, isModel }) {
  const { boxes, frames, height } = layoutOf(diagram)
  const { parts } = diagram
  const end = boxes.at(-1)
  return html`
    <svg class="diagram" viewBox="0 0 ${width} ${height}" aria-hidden="true">
      ${frames.map(
        ({ group, x, y, w, h }) => html`
          <rect class="frame ${group.isNew ? 'new' : ''}" x=${x} y=${y} width=${w} height=${h} rx="12" />
          <text class="frame-title ${group.isNew ? 'new' : ''}" x=${x + 10} y=${y + 16}>${titleOf(group)}</text>
        `,
      )}
      ${parts.flatMap((part, i) => part.reads.map((from) => html`<path class="flow ${part.isNew ? 'new' : ''}" d=${pathOf(boxes[from], boxes[i])} />`))}
      ${parts.map(
        (part, i) => html`
          <rect class="part ${part.kind} ${part.isNew ? 'new' : ''}" x=${boxes[i].x} y=${boxes[i].y} width=${boxes[i].w} height=${boxes[i].h} rx="8" />
          <text class="part-title" x=${boxes[i].middle} y=${boxes[i].y + 17}>${part.label}${part.detail && ` · ${part.detail}`}</text>
          ${part.parameters > 0 && html`<text class="weights" x=${boxes[i].middle} y=${boxes[i].y + 33}>${boxes[i].w < 80 ? count(part.parameters) : plural(part.parameters, 'weight')}</text>`}
        `,
      )}
      ${parts.map((part, i) => html`<text class="shape" x=${boxes[i].middle + 7} y=${boxes[i].y + boxes[i].h + 19}>${part.shape.join(' × ')}</text>`)}
      ${isModel && html`<path class="flow" d="M${end.middle} ${end.y + end.h}V${height - 22}" /><text class="part-title" x=${end.middle} y=${height - 6}>a score for each next character</text>`}
    </svg>
  `
}

/** Where the boxes are: each row has the whole width, and the groups are around their rows. */
function layoutOf({ parts, groups }) {
  const boxes = []
  const frames = new Map()
  const rows = 1 + Math.max(...parts.map(({ row }) => row))
  let y = 1
  const open = []
  const close = (until) => {
    while (open.length > until) {
      const frame = frames.get(open.pop())
      y += padding
      frame.h = y - frame.y
    }
  }
  for (let row = 0; row < rows; row++) {
    const inRow = parts.flatMap((part, i) => (part.row === row ? [i] : []))
    const around = groupsAround(groups, parts[inRow[0]].group)
    const shared = open.findIndex((group, depth) => group !== around[depth])
    close(shared < 0 ? open.length : shared)
    if (row > 0) y += gap
    for (const group of around.slice(open.length)) {
      const [from, to] = groupEdges[open.length]
      frames.set(group, { group: groups[group], x: from, w: to - from, y })
      open.push(group)
      y += heading
    }
    const each = (right - left + 8) / inRow.length - 8
    const h = inRow.some((i) => parts[i].parameters > 0) ? 42 : 26
    inRow.forEach((i, column) => {
      const x = left + column * (each + 8)
      boxes[i] = { x, y, w: each, h, row, middle: x + each / 2 }
    })
    y += h
  }
  close(0)
  return { boxes, frames: [...frames.values()], height: y + gap + 26 }
}

/** A line straight down, or around the rows between. */
function pathOf(from, to) {
  const bottom = from.y + from.h
  if (to.row === from.row + 1) return `M${from.w < to.w ? from.middle : to.middle} ${bottom}V${to.y}`
  const y = to.y + to.h / 2
  return `M${from.middle} ${bottom}v6H${lane - 8}q8 0 8 8V${y - 8}q0 8 -8 8H${to.x + to.w}`
}
