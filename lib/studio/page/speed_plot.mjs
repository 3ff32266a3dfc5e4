// The roofline: how fast each operation is, and how fast it could be at most.

import { signal } from '@preact/signals'
import { Component, createRef } from 'preact'
import { html } from './html.mjs'
import { large, limitWords, time } from './speed_words.mjs'
import { percent, plural } from './words.mjs'

const [top, right, bottom, left] = [16, 12, 28, 44]
/** Of the time of a step. An operation that takes less has no dot. */
const leastPart = 0.001

export class Roofline extends Component {
  constructor() {
    super()
    this.root = createRef()
    this.width = signal(0)
    /** The index of the dot that is explained. */
    this.at = signal(null)
  }

  componentDidMount() {
    this.watcher = new ResizeObserver(([{ contentRect }]) => {
      this.width.value = contentRect.width
    })
    this.watcher.observe(this.root.current)
  }

  componentWillUnmount() {
    this.watcher.disconnect()
  }

  move(event, { length }) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    this.at.value = Math.max(0, Math.min(length - 1, (this.at.peek() ?? -1) + by))
  }

  /** Explains the nearest dot, because small ones are hard to hit. */
  point({ clientX, clientY, currentTarget }, dots) {
    const box = currentTarget.getBoundingClientRect()
    const far = ({ x, y, r }) => Math.hypot(box.left + x - clientX, box.top + y - clientY) - r
    const nearest = dots.reduce((near, dot, i) => (far(dot) < far(dots[near]) ? i : near), 0)
    this.at.value = far(dots[nearest]) < 24 ? nearest : null
  }

  render({ measured: { ops, peak } }) {
    const plot = plotOf(ops, peak, this.width.value)
    const { dots } = plot
    const at = dots[this.at.value]
    const point = (event) => this.point(event, dots)
    return html`
      <p class="axis-title muted" aria-hidden="true">Billion calculations per second</p>
      <div
        class="roofline"
        ref=${this.root}
        tabindex="0"
        role="group"
        aria-label="Roofline"
        aria-describedby="roofline-help"
        onKeyDown=${(event) => this.move(event, dots)}
        onPointerMove=${point}
        onPointerDown=${point}
      >
        ${this.width.value > 0 && html`<${Drawing} ...${plot} at=${this.at.value} />`}
      </div>
      <p class="axis-title below muted" aria-hidden="true">Calculations per byte that is moved</p>
      <p class="readout" role="status">
        ${
          at
            ? `${at.kind}: ${at.name}, ${plural(at.calls, 'time')} per step. ${time(at.ms)}, ${percent(at.part)} of the step; ${large(1e9 * at.rate)} calculations per second, ${limitWords(at)}.`
            : 'Each dot is an operation. A larger dot takes more time. Point at one, or use the arrow keys.'
        }
      </p>
      <p id="roofline-help">
        Left of the bend, memory is the limit: the numbers do not arrive any faster. Right of it, arithmetic is the limit.
      </p>
      <p class="muted">
        The line is the most that this computer can do, measured just before: ${large(peak.flopsPerSecond)} calculations, and ${large(peak.bytesPerSecond)} bytes of memory per second. Above the line are operations whose numbers are still in the cache, a small, fast memory.
        ${dots.length < ops.length && ' Operations that only move numbers, or take almost no time, are in the table.'}
      </p>
    `
  }
}

/** Places the dots in a plot of this width. */
function plotOf(ops, peak, width) {
  const height = Math.round(Math.min(420, Math.max(260, 0.55 * width)))
  const dots = ops
    .filter(({ flops, part }) => flops > 0 && part >= leastPart)
    .map((op) => ({ ...op, intensity: op.flops / op.bytes, rate: op.flops / op.ms / 1e6 }))
  const most = peak.flopsPerSecond / 1e9
  const bandwidth = peak.bytesPerSecond / 1e9
  const bend = most / bandwidth
  const xs = decades([bend / 2, bend * 4, ...dots.map(({ intensity }) => intensity)])
  const ys = decades([most * 1.5, ...dots.map(({ rate }) => rate)])
  const x = scaleOf(xs, left, width - right)
  const y = scaleOf(ys, height - bottom, top)
  const begin = Math.max(xs[0], ys[0] / bandwidth)
  return {
    ...{ width, height },
    dots: dots.map((dot) => {
      const r = 4 + (width < 500 ? 14 : 22) * Math.sqrt(dot.part)
      return { ...dot, x: x(dot.intensity), y: y(dot.rate), r }
    }),
    columns: xs.map((value) => [tick(value), x(value)]),
    rows: ys.map((value) => [tick(value), y(value)]),
    roof: [
      [x(begin), y(begin * bandwidth)],
      [x(bend), y(most)],
      [width - right, y(most)],
    ],
  }
}

/** The powers of ten around some values. */
function decades(values) {
  const logs = values.map(Math.log10)
  const first = Math.floor(Math.min(...logs))
  return Array.from({ length: Math.ceil(Math.max(...logs)) - first + 1 }, (_, i) => 10 ** (first + i))
}

function scaleOf(marks, from, to) {
  const [low, high] = [marks[0], marks.at(-1)].map(Math.log10)
  return (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
}

const tick = (value) => value.toLocaleString('en', { maximumSignificantDigits: 1 })

function Drawing({ dots, width, height, columns, rows, roof, at }) {
  const [[x0, y0], [x1, y1], [x2]] = roof
  const slope = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI
  return html`
    <svg width=${width} height=${height} aria-hidden="true">
      <path
        class="grid"
        d=${[...columns.map(([, x]) => `M${x} ${top}V${height - bottom}`), ...rows.map(([, y]) => `M${left} ${y}H${width - right}`)].join('')}
      />
      ${columns.map(([name, x], i) => html`<text x=${x} y=${height - bottom + 18} text-anchor=${columns[i + 1] ? 'middle' : 'end'}>${name}</text>`)}
      ${rows.map(([name, y]) => html`<text x=${left - 8} y=${y + 4} text-anchor="end">${name}</text>`)}
      <polyline class="roof" points=${roof.join(' ')} />
      <text class="name" x=${x2} y=${y1 - 8} text-anchor="end">arithmetic</text>
      <text class="name" y="-8" text-anchor="middle" transform=${`translate(${(3 * x0 + x1) / 4} ${(3 * y0 + y1) / 4}) rotate(${slope})`}>memory</text>
      ${namesOf(dots, width).map(({ kind, x, y }) => html`<text class="name" x=${x} y=${y} text-anchor="middle">${kind}</text>`)}
      ${dots.map(({ x, y, r }, i) => html`<circle class=${i === at ? 'at' : ''} cx=${x} cy=${y} r=${r} />`)}
    </svg>
  `
}

/** The names of the largest kinds, below their largest dots, where no other name is. */
function namesOf(dots, width) {
  const names = []
  for (const { kind, x, y, r } of dots) {
    const half = 3.8 * kind.length
    const name = { kind, half, x: Math.min(width - right - half, Math.max(left + half, x)), y: y + r + 14 }
    const isNear = (other) =>
      Math.abs(other.y - name.y) < 16 && Math.abs(other.x - name.x) < other.half + half
    if (names.length < 3 && !names.some((other) => other.kind === kind || isNear(other))) names.push(name)
  }
  return names
}
