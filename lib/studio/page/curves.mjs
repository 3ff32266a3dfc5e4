// The curves of the losses of one run or several, drawn by uPlot. The axis shows losses as numbers of
// choices, in equal distances for equal losses.

import { Component, createRef } from 'preact'
import { html } from './html.mjs'
import { choices, count } from './words.mjs'

const { uPlot } = globalThis
const height = 300
const axisWidth = 48
const rightPadding = 24
/** Lines differ in their dashes too, for those who cannot tell the colors apart. */
export const dashes = [[], [9, 4], [3, 3], [12, 3, 3, 3], [6, 6], [1, 4]]

/**
 * `runs`: each has a `name` ('' for a single one), `evaluations` ({ step, valLoss }), `points`
 * ([from, to, loss]), the names of CSS variables `color` and, for the training loss, `soft`.
 * `lines`: other losses, each as [step, loss] in a row. `marks`: steps that are marked. `split`: the step from which a fork differs.
 * `begin` and `end`: the first and the last step of the axis. `label`: for screen readers.
 * `ticks`: the words of a step (default: its number). `onChoose`: called with a step that is clicked.
 */
export class Curves extends Component {
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
  }

  componentDidUpdate() {
    this.draw()
  }

  componentWillUnmount() {
    this.watcher.disconnect()
    this.scheme.removeEventListener('change', this.recolor)
    this.plot?.destroy()
  }

  render({ label }) {
    return html`<div class="curve" ref=${this.root} role="img" aria-label=${label}></div>`
  }

  draw() {
    const { current } = this.root
    const width = current?.clientWidth
    if (!width) return
    const { runs, lines = [] } = this.props
    const kinds = JSON.stringify([lines.length, runs.map(({ name, color, soft }) => [name, color, soft])])
    if (kinds !== this.kinds) this.plot?.destroy()
    if (kinds !== this.kinds || !this.plot) this.plot = this.create(current, width)
    this.kinds = kinds
    if (this.plot.width !== width) this.plot.setSize({ width, height })
    this.plot.setData(dataOf(runs, lines))
  }

  /** Marks steps. Called when the plot is drawn: before, it does not know its scales. */
  place(plot) {
    const { marks = [], split } = this.props
    this.marks.replaceChildren(
      ...[...marks, ...(split === undefined ? [] : [split])].map((step, i) => {
        const mark = document.createElement('div')
        mark.className = i < marks.length ? 'mark' : 'mark split'
        mark.style.left = `${plot.valToPos(step, 'x')}px`
        return mark
      }),
    )
  }

  create(target, width) {
    const color = (name) => getComputedStyle(target).getPropertyValue(name).trim()
    const { runs, lines = [] } = this.props
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui',
    }
    const series = runs.flatMap((run, i) => {
      const stroke = color(run.color)
      return [
        // A third of the opacity.
        {
          stroke: run.soft ? color(run.soft) : `${stroke}55`,
          width: 1.5,
          points: { show: false },
          spanGaps: true,
        },
        {
          stroke,
          width: 2.5,
          dash: dashes[i],
          spanGaps: true,
          points: { show: true, size: 9, fill: color('--card'), stroke, width: 2 },
        },
      ]
    })
    const other = {
      stroke: color('--ink'),
      width: 1.5,
      dash: [6, 5],
      points: { show: false },
      spanGaps: true,
    }
    this.marks = document.createElement('div')
    const plot = new uPlot(
      {
        width,
        height,
        padding: [8, rightPadding, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
        scales: {
          x: { time: false, range: () => [this.props.begin ?? 0, Math.max(1, this.props.end)] },
          // A flat line has labels above and below it.
          y: {
            distr: 3,
            log: 10,
            range: (_, low, high) => [Math.max(1, Math.min(low * 0.92, high / 2)), high * 1.06],
          },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            values: (_, ticks) => ticks.map(this.props.ticks ?? count),
            size: 32,
            space: 70,
          },
          {
            ...axis,
            size: axisWidth,
            splits: splitsOf,
            values: (_, ticks) => ticks.map((tick) => (tick < 10 ? String(tick) : count(tick))),
            filter: (_, ticks) => ticks,
          },
        ],
        series: [{}, ...series, ...lines.map(() => other)],
        hooks: {
          draw: [
            (drawn) => {
              nameLines(drawn, this.props.runs, (run) => color(run.color))
              this.place(drawn)
            },
          ],
        },
      },
      dataOf(runs, lines),
      target,
    )
    plot.over.append(this.marks)
    plot.over.addEventListener('click', (event) => this.props.onChoose?.(plot.posToVal(event.offsetX, 'x')))
    return plot
  }
}

/** Writes the name of each run at the end of its curve. */
function nameLines(plot, runs, colorOf) {
  const { ctx } = plot
  const scale = devicePixelRatio
  ctx.save()
  ctx.font = `600 ${13 * scale}px system-ui`
  ctx.textAlign = 'right'
  for (const run of runs) {
    const last = run.evaluations.at(-1)
    if (!last) continue
    ctx.fillStyle = colorOf(run)
    ctx.fillText(
      run.name,
      plot.valToPos(last.step, 'x', true) + 4 * scale,
      plot.valToPos(choices(last.valLoss), 'y', true) - 10 * scale,
    )
  }
  ctx.restore()
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

/** Steps, the training and validation losses of each run, and the other lines, as numbers of choices. */
function dataOf(runs, lines) {
  const columns = [
    ...runs.flatMap(({ points, evaluations }) => [
      points.map(([, to, loss]) => [to, loss]),
      evaluations.map(({ step, valLoss }) => [step, valLoss]),
    ]),
    ...lines,
  ]
  const rows = new Map()
  for (const [i, column] of columns.entries()) {
    for (const [step, loss] of column) {
      if (!rows.has(step)) rows.set(step, new Array(columns.length).fill(null))
      rows.get(step)[i] = choices(loss)
    }
  }
  const steps = [...rows.keys()].sort((a, b) => a - b)
  return [steps, ...columns.map((_, i) => steps.map((step) => rows.get(step)[i]))]
}
