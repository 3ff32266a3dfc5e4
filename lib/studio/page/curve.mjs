// The curve of the losses, drawn by uPlot. The axis shows losses as numbers of choices, in equal distances
// for equal losses. Beside them it can show losses of a reference.

import { Component, createRef } from 'preact'
import { html } from './html.mjs'
import { choose, chosenSample, chosenStep } from './samples.mjs'
import { choices, count } from './words.mjs'

const { uPlot } = globalThis
const height = 300
const axisWidth = 48
const rightPadding = 16

export class Curve extends Component {
  constructor() {
    super()
    this.root = createRef()
    this.redraw = () => this.draw()
    this.recolor = () => {
      this.plot?.destroy()
      this.plot = undefined
      this.draw()
    }
  }

  componentDidMount() {
    this.watcher = new ResizeObserver(this.redraw)
    this.watcher.observe(this.root.current)
    this.scheme = matchMedia('(prefers-color-scheme: dark)')
    this.scheme.addEventListener('change', this.recolor)
    this.unfollow = chosenStep.subscribe(this.redraw)
  }

  componentDidUpdate() {
    this.draw()
  }

  componentWillUnmount() {
    this.watcher.disconnect()
    this.scheme.removeEventListener('change', this.recolor)
    this.unfollow()
    this.plot?.destroy()
  }

  render({ run, reference }) {
    const last = run.evaluations.at(-1)
    const label = last
      ? `Curve of the losses. After ${count(last.step)} steps: ${choices(last.valLoss).toFixed(1)} choices.`
      : 'Curve of the losses, still empty.'
    return html`
      <div class="legend" aria-hidden="true">
        <span><span class="line train"></span>on the text it trains on</span>
        <span><span class="line valid"></span>on text it has never seen</span>
        ${reference && html`<span><span class="line reference"></span>the reference</span>`}
      </div>
      <p class="axis-title muted" aria-hidden="true">As if choosing among … ${run.unit}s</p>
      <div class="curve" ref=${this.root} role="img" aria-label=${label}></div>
    `
  }

  draw() {
    const { current } = this.root
    const width = current?.clientWidth
    if (!width) return
    const { run, reference } = this.props
    this.plot ??= this.create(current, width)
    if (this.plot.width !== width) this.plot.setSize({ width, height })
    this.plot.setData(dataOf(run, reference))
    this.pin(run)
  }

  /** Marks the sample that is shown. */
  pin(run) {
    const sample = chosenSample(run)
    this.mark.hidden = !sample
    if (sample) this.mark.style.left = `${this.plot.valToPos(sample.step, 'x')}px`
  }

  create(target, width) {
    const color = (name) => getComputedStyle(target).getPropertyValue(name).trim()
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui',
    }
    const plot = new uPlot(
      {
        width,
        height,
        padding: [8, rightPadding, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
        scales: {
          x: { time: false, range: () => [0, Math.max(1, this.props.run.steps)] },
          y: { distr: 3, log: 10, range: (_, low, high) => [Math.max(1, low * 0.92), high * 1.06] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            values: (_, ticks) => ticks.map((tick) => count(tick)),
            size: 32,
          },
          {
            ...axis,
            size: axisWidth,
            splits: splitsOf,
            values: (_, ticks) => ticks.map((tick) => (tick < 10 ? String(tick) : count(tick))),
            filter: (_, ticks) => ticks,
          },
        ],
        series: [
          {},
          { stroke: color('--soft'), width: 1.5, points: { show: false }, spanGaps: true },
          {
            stroke: color('--accent'),
            width: 2.5,
            spanGaps: true,
            points: { show: true, size: 9, fill: color('--card'), stroke: color('--accent'), width: 2 },
          },
          { stroke: color('--ink'), width: 1.5, dash: [6, 5], points: { show: false }, spanGaps: true },
        ],
      },
      dataOf(this.props.run, this.props.reference),
      target,
    )
    this.mark = document.createElement('div')
    this.mark.className = 'mark'
    plot.over.append(this.mark)
    plot.over.addEventListener('click', (event) => choose(this.props.run, plot.posToVal(event.offsetX, 'x')))
    return plot
  }
}

const round = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100].flatMap((value) => [value, 100 * value])

/** Round numbers of choices, not closer than labels are high. */
function splitsOf(_, __, low, high) {
  const least = Math.log(high / low) / 11
  const splits = []
  for (const value of [...new Set(round)].sort((a, b) => a - b)) {
    const isInside = value >= low && value <= high
    if (isInside && (splits.length === 0 || Math.log(value / splits.at(-1)) >= least)) splits.push(value)
  }
  return splits
}

/** Steps, training losses, validation losses, and those of the reference, as numbers of choices. */
function dataOf({ points, evaluations, steps: all }, reference) {
  const rows = new Map()
  const put = (series, step, loss) => {
    const row = rows.get(step) ?? [null, null, null]
    row[series] = choices(loss)
    rows.set(step, row)
  }
  for (const [, to, loss] of points) put(0, to, loss)
  for (const { step, valLoss } of evaluations) put(1, step, valLoss)
  for (const [step, loss] of lineOf(reference, all)) put(2, step, loss)
  const steps = [...rows.keys()].sort((a, b) => a - b)
  return [steps, ...[0, 1, 2].map((series) => steps.map((step) => rows.get(step)[series]))]
}

/** Losses along the run. If only the last one is known, it is a level. */
function lineOf(reference, steps) {
  if (!reference) return []
  const along = reference.filter(([step]) => step > 0)
  return along.length > 1
    ? along.filter(([step]) => step <= steps)
    : [0, steps].map((step) => [step, along[0][1]])
}
