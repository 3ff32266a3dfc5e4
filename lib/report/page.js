// The script of a report. It reads the page's data and fills in what page.html leaves open. Everything that
// comes from a run is set as text, never as HTML. `uPlot` is the library that draws charts.

;(() => {
  'use strict'

  const { version, runs, comparison } = JSON.parse(document.getElementById('data').textContent)
  const several = runs.length > 1
  const byId = (id) => document.getElementById(id)

  // ---------------------------------------------------------------------------------------------
  // Elements

  /**
   * An element with attributes and children. A child that is a string is text. An attribute that is
   * undefined or false is left out.
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value)
    }
    made.append(...children)
    return made
  }

  /** Text in which parts between asterisks are bold. The parts must not come from a run. */
  function rich(text, ...values) {
    return text.split('*').flatMap((part, i) => {
      const words = part.replace(/%/g, () => values.shift())
      return words === '' ? [] : [i % 2 === 1 ? element('b', {}, words) : words]
    })
  }

  const svgSpace = 'http://www.w3.org/2000/svg'

  /** A piece of a line, as it is drawn in a chart. */
  function swatch({ color, dash, faint }) {
    const svg = document.createElementNS(svgSpace, 'svg')
    const line = document.createElementNS(svgSpace, 'line')
    const attributes = { x1: 1, x2: 21, y1: 5, y2: 5, 'stroke-width': 3, 'stroke-linecap': 'round' }
    for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value)
    if (dash) line.setAttribute('stroke-dasharray', dash.join(' '))
    line.style.stroke = `var(${color})`
    if (faint) line.style.opacity = '0.6'
    svg.setAttribute('width', 22)
    svg.setAttribute('height', 10)
    svg.setAttribute('class', 'swatch')
    svg.setAttribute('aria-hidden', 'true')
    svg.append(line)
    return svg
  }

  // ---------------------------------------------------------------------------------------------
  // Numbers and words

  const english = 'en-US'
  const integer = (value) => Math.round(value).toLocaleString(english)
  const loss = (value) => (value === null || value === undefined ? '–' : value.toFixed(value < 10 ? 4 : 2))
  const percent = (share, fraction = 0) => `${(100 * share).toFixed(fraction)}%`
  const plural = (count, noun) => `${integer(count)} ${noun}${count === 1 ? '' : 's'}`

  /** Three digits, and a letter for thousands and more: 10.8M. */
  function short(value) {
    const size = Math.abs(value)
    if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}B`
    if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
    if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`
    if (size >= 1e3) return integer(value)
    if (size === 0) return '0'
    if (size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, 'e')
    return String(Number(value.toPrecision(3)))
  }

  /** A number on an axis, with all of its digits. */
  function tickWords(tick) {
    if (tick === null || tick === undefined) return ''
    const size = Math.abs(tick)
    if (size >= 1e6) return short(tick)
    if (Number.isInteger(tick)) return size >= 1e4 && tick % 1e3 === 0 ? `${tick / 1e3}k` : integer(tick)
    const exact = Number(tick.toPrecision(6))
    return size < 1e-3 ? exact.toExponential() : String(exact)
  }

  /** 10.8 million. */
  function inWords(value) {
    const [unit, word] = value >= 1e9 ? [1e9, ' billion'] : value >= 1e6 ? [1e6, ' million'] : [1, '']
    return unit === 1 ? integer(value) : `${Number((value / unit).toPrecision(3))}${word}`
  }

  /** 3 h 12 min, 4 min 5 s, 2.31 s. */
  function duration(seconds) {
    if (seconds < 60) return `${seconds < 10 ? Number(seconds.toPrecision(3)) : seconds.toFixed(1)} s`
    const [large, small, unit] = seconds < 3600 ? ['min', 's', 60] : ['h', 'min', 3600]
    const smaller = Math.round((seconds % unit) / (unit / 60))
    const larger = Math.floor(seconds / unit) + (smaller === 60 ? 1 : 0)
    return smaller % 60 === 0
      ? `${integer(larger)} ${large}`
      : `${integer(larger)} ${large} ${smaller} ${small}`
  }

  function dateOf(time) {
    const date = new Date(time)
    if (Number.isNaN(date.getTime())) return time
    return `${date.toLocaleString(english, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })} UTC`
  }

  /** As if choosing among so many: 4.4, 65. */
  const choices = (nats) => {
    const count = Math.exp(nats)
    return count < 9.95 ? count.toFixed(1) : count < 1e6 ? integer(count) : inWords(count)
  }

  function valueWords(value) {
    if (value === null || value === undefined) return '–'
    if (Array.isArray(value)) return value.map(valueWords).join(', ')
    if (typeof value === 'object') return JSON.stringify(value)
    return String(value)
  }

  const states = {
    finished: 'Finished',
    running: 'Still running',
    stopped: 'Stopped',
    failed: 'Failed',
    interrupted: 'Interrupted',
  }
  const lastOf = (column) => column.findLast((value) => value !== null)
  const secondsOf = (run) => lastOf(run.training.seconds) ?? 0
  const unitOf = runs.every(({ unit }) => unit === runs[0].unit) ? runs[0].unit : 'token'
  /** Losses of different tokens can be compared in bits per byte only. */
  const inBits = several && comparison.unit === 'bits per byte'
  const lossUnit = inBits ? 'bits per byte' : `nats per ${unitOf}`

  /** Short names: without the folders that all runs have in common. */
  const names = (() => {
    const parts = runs.map(({ name }) => name.split(/[\\/]/))
    const common = () => parts.every((each) => each.length > 1 && each[0] === parts[0][0])
    while (several && common()) for (const each of parts) each.shift()
    return parts.map((each) => each.join('/'))
  })()

  // ---------------------------------------------------------------------------------------------
  // Head

  function showHead() {
    if (several) {
      byId('state').append(names.join(' · '))
      byId('figures').hidden = true
      showLeadOfSeveral()
    } else {
      showState(runs[0])
      showLead(runs[0])
      showFigures(runs[0])
    }
    for (const section of document.querySelectorAll('main > section:not([hidden])')) {
      const link = element('a', { href: `#${section.id}` }, section.querySelector('h2').textContent)
      byId('contents').append(link)
    }
    byId('made').append(
      `Made by nano-gpt ${version}. This page is complete: it loads nothing from the network.`,
    )
  }

  function showState(run) {
    const dot = element('span', { class: `dot ${run.state}`, 'aria-hidden': 'true' })
    const steps =
      run.step === run.steps
        ? `all ${integer(run.steps)} steps`
        : `${integer(run.step)} of ${integer(run.steps)} steps`
    byId('state').append(dot, element('b', {}, states[run.state]), ` · ${steps} · ${dateOf(run.updated)}`)
    if (run.reason) byId('state').after(element('p', { class: 'notice' }, run.reason))
  }

  function showLead(run) {
    const { best, unit, model, data } = run
    const size = `a model of ${inWords(run.parameters)} parameters`
    const lead = byId('lead')
    if (!best) {
      lead.append(`Here ${size} learns to predict the next ${unit} of “${data.name}”. It was not evaluated.`)
      return
    }
    if (best.step === 0) {
      lead.append(
        `Here ${size} learns to predict the next ${unit} of “${data.name}”. No evaluation was better than the one before the training.`,
      )
      return
    }
    lead.append(
      `After ${integer(best.step)} steps, ${size} predicts the next ${unit} of “${data.name}” as if it chose among `,
      element('strong', {}, `${choices(best.valLoss)} equally likely ${unit}s`),
      `. A model that guesses would choose among all ${integer(model.vocabSize)}.`,
    )
    showChoices(Math.exp(best.valLoss), model.vocabSize, unit)
  }

  const mostDots = 300

  function showChoices(count, total, unit) {
    if (total > mostDots || count > total) return
    const dots = element('div', { class: 'dots', role: 'img' })
    dots.setAttribute('aria-label', `${count.toFixed(1)} of ${total} dots are filled`)
    for (let i = 0; i < total; i++) {
      const part = Math.min(1, Math.max(0, count - i))
      const dot = element('i', { class: part === 1 ? 'full' : part > 0 ? 'part' : undefined })
      if (part > 0 && part < 1) dot.style.setProperty('--part', percent(part))
      dots.append(dot)
    }
    const words = `Each dot is one of the ${total} ${unit}s of the vocabulary. The filled ones are as many as the model hesitates between.`
    byId('choices').append(dots, element('p', {}, words))
    byId('choices').hidden = false
  }

  function showFigures(run) {
    const add = (value, unit, label) => {
      const small = unit ? [element('small', {}, unit)] : []
      byId('figures').append(element('div', {}, element('dt', {}, label), element('dd', {}, value, ...small)))
    }
    if (run.best)
      add(loss(run.best.valLoss), `nats`, `best validation loss, at step ${integer(run.best.step)}`)
    const bits = run.evaluations.validationBits.filter((value) => value !== null)
    if (bits.length > 0) add(Math.min(...bits).toFixed(3), 'bits', 'per byte of text, at best')
    add(short(run.parameters), '', 'parameters')
    if (secondsOf(run) > 0) {
      add(
        duration(secondsOf(run)),
        '',
        `of training steps on ${run.sessions.at(-1)?.device ?? 'this device'}`,
      )
      add(short((run.tokensPerStep * run.step) / secondsOf(run)), 'per second', `${run.unit}s, on average`)
    }
  }

  /** A loss with its unit. */
  const lossWords = (value) =>
    inBits ? `${value.toFixed(3)} bits per byte` : `${loss(value)} nats per ${unitOf}`

  /** The lowest validation loss of each run; undefined: it was not evaluated. */
  const bests = several
    ? comparison.best.map((at) =>
        inBits ? (at?.exactValBitsPerByte ?? at?.valBitsPerByte) : (at?.exactValLoss ?? at?.valLoss),
      )
    : []

  function showLeadOfSeveral() {
    const order = bests
      .map((best, i) => ({ best, name: names[i] }))
      .filter(({ best }) => best !== undefined)
      .sort((a, b) => a.best - b.best)
    if (order.length < 2) {
      byId('lead').append('At least two runs must have been evaluated for a comparison of their losses.')
      return
    }
    const [first, second] = order
    const margin = first.best === second.best ? 'the same as' : 'ahead of'
    byId('lead').append(
      element('strong', {}, first.name),
      ` has the lowest validation loss, ${lossWords(first.best)}, ${margin} ${second.name} with ${lossWords(second.best)}.`,
    )
  }

  // ---------------------------------------------------------------------------------------------
  // Comparison of several runs

  function showComparison() {
    if (!several) return
    byId('comparison').hidden = false
    const [atStep, atTime] = [comparison.steps.at(-1), comparison.times.at(-1)]
    byId('comparison-text').append(
      ...rich(
        'Lower is better. The columns compare the runs at their best, *at a step that all of them reached*, and *after a training time that all of them took*. Each loss is of the newest evaluation until then.',
      ),
    )
    const isSameText = runs.every(({ data }) => data.digest === runs[0].data.digest)
    const notes = [
      ...(inBits
        ? [
            'The runs have different texts or tokens, so their losses in nats per token cannot be compared. This page uses bits per byte of text instead.',
          ]
        : []),
      ...(isSameText
        ? []
        : ['The runs were evaluated on different texts, and one text may be harder than another.']),
    ]
    for (const note of notes) byId('comparison-text').after(element('p', { class: 'notice' }, note))

    const lossesOf = ({ losses }) => losses.map(({ valLoss }) => valLoss)
    const columns = [
      ['Best', bests],
      ...(atStep ? [[`At step ${integer(atStep.step)}`, lossesOf(atStep)]] : []),
      ...(atTime ? [[`After ${duration(atTime.seconds)}`, lossesOf(atTime)]] : []),
    ]
    const lowest = columns.map(([, losses]) => Math.min(...losses.map((value) => value ?? Infinity)))
    const head = ['Run', ...columns.map(([title]) => title), 'Steps', 'Time', 'Parameters']
    byId('results').append(
      element('caption', { class: 'hint' }, `Validation loss in ${lossUnit}`),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...head.map((title, i) => element('th', { scope: 'col', class: i > 0 && 'number' }, title)),
        ),
      ),
      element(
        'tbody',
        {},
        ...runs.map((run, i) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, swatch(styleOf(i)), names[i]),
            ...columns.map(([, losses], column) => {
              const value = losses[i]
              const isLowest = value === lowest[column]
              return element(
                'td',
                { class: isLowest ? 'number lowest' : 'number' },
                loss(value),
                ...(isLowest ? [element('span', { class: 'tag' }, 'lowest')] : []),
              )
            }),
            element('td', { class: 'number' }, integer(run.step)),
            element('td', { class: 'number' }, duration(secondsOf(run))),
            element('td', { class: 'number' }, short(run.parameters)),
          ),
        ),
      ),
    )
    showDifferences(Object.entries(comparison.options))
  }

  function showDifferences(differences) {
    if (differences.length === 0) {
      byId('differences-text').append('All options of these runs are the same.')
      byId('differences-scroll').hidden = true
      return
    }
    byId('differences-text').append('All other options are the same.')
    const nameOf = (i) => [swatch(styleOf(i)), names[i]]
    const options = differences.map(([name]) => name)
    const columns = runs.length > fewRuns ? options.map((name) => [name]) : runs.map((_, i) => nameOf(i))
    const rows =
      runs.length > fewRuns
        ? runs.map((_, i) => [nameOf(i), differences.map(([, values]) => values[i])])
        : differences.map(([name, values]) => [[name], values])
    const title = runs.length > fewRuns ? 'Run' : 'Option'
    byId('differences').append(
      element(
        'thead',
        {},
        element('tr', {}, ...[[title], ...columns].map((head) => element('th', { scope: 'col' }, ...head))),
      ),
      element(
        'tbody',
        {},
        ...rows.map(([head, values]) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, ...head),
            ...values.map((value) => element('td', {}, valueWords(value))),
          ),
        ),
      ),
    )
  }

  // ---------------------------------------------------------------------------------------------
  // Charts

  const lineStyles = 6
  /** With more runs, only the largest chart names them, and tables have a row for each. */
  const fewRuns = 4
  const dashes = [undefined, [8, 4], [2, 4]]

  /** The color of a run, and its dashes once the colors are used up. */
  function styleOf(i) {
    return {
      color: `--series-${i % lineStyles}`,
      dash: dashes[Math.floor(i / lineStyles) % dashes.length],
    }
  }

  /** `only` is the run that is highlighted. */
  const view = { axis: 'step', scale: 'linear', range: 'all', smoothing: 0.6, only: undefined }
  const charts = []
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

  /** An exponential moving average that starts without bias. */
  function smoothed(values, smoothing) {
    let [sum, weight] = [0, 0]
    return values.map((value) => {
      if (value === null) return null
      sum = smoothing * sum + (1 - smoothing) * value
      weight = smoothing * weight + (1 - smoothing)
      return sum / weight
    })
  }

  /** The largest time of all charts, which decides in which unit the axis is. */
  const longest = Math.max(1e-9, ...runs.map(secondsOf))
  const [timeUnit, timeName] =
    longest < 120 ? [1, 'seconds'] : longest < 7200 ? [60, 'minutes'] : [3600, 'hours']

  /** The horizontal positions of a table of the data: its steps, or its times. */
  function positions(columns) {
    if (view.axis === 'step') return columns.step
    return columns.seconds.map((seconds) => (seconds === null ? null : seconds / timeUnit))
  }

  /** The points of a line that have both coordinates, which a logarithmic axis can show. */
  function points(xs, ys) {
    const [x, y] = [[], []]
    for (let i = 0; i < xs.length; i++) {
      if (xs[i] === null || ys[i] === null || ys[i] === undefined) continue
      if (view.scale === 'log' && xs[i] <= 0) continue
      if (x.length > 0 && xs[i] <= x.at(-1)) continue
      x.push(xs[i])
      y.push(ys[i])
    }
    return { x, y }
  }

  /** The part of the axis that is left out on demand, in which losses fall steeply. */
  const beginning = 0.1

  /** The range of the horizontal axis of all charts. */
  function extent() {
    let [low, high] = [Infinity, -Infinity]
    for (const chart of charts) {
      for (const { x } of chart.lines) {
        if (x.length === 0) continue
        low = Math.min(low, x[0])
        high = Math.max(high, x.at(-1))
      }
    }
    if (low > high) [low, high] = [0, 1]
    if (view.range === 'end') low = Math.max(low, beginning * high)
    else if (view.scale === 'linear') low = Math.min(low, 0)
    return low === high ? [low, low + 1] : [low, high]
  }

  /** Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, or only the powers of a long one. */
  function logTicks(low, high) {
    const steps = high / low > 1e3 ? [1] : [1, 2, 5]
    const ticks = []
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const step of steps) {
        const tick = Number(`${step}e${power}`)
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick)
      }
    }
    return ticks
  }

  /**
   * A chart. `lines` returns the lines of the current view: `{ label, x, y, color, … }`. It redraws itself
   * when its width, the colors or the view change.
   */
  function addChart(
    id,
    { title, text, unit, lines, height, paperHeight, fromZero, logY, format, choicesAxis, guess, summary },
  ) {
    const figure = byId(id)
    if (lines().every(({ y }) => y.length === 0)) {
      figure.hidden = true
      return
    }
    const plot = element('div', { class: 'plot', tabindex: '0', role: 'img' })
    const key = element('ul', { class: 'key' })
    const units = element('p', { class: 'unit', 'aria-hidden': 'true' }, element('span', {}, unit))
    if (choicesAxis) units.append(element('span', {}, `as if choosing among`))
    if (title) figure.append(element('h3', {}, title))
    if (text) figure.append(element('p', { class: 'explain' }, text))
    figure.append(key, units, plot)
    plot.setAttribute('aria-label', `${title ?? 'Loss'}, ${unit}. ${summary()}`)
    const isMain = title === undefined
    const chart = { plot, key, lines: lines(), drawn: undefined }
    charts.push(chart)

    const values = []
    const showKey = (position) => {
      chart.lines.forEach(({ x, y, hidden }, i) => {
        if (hidden) return
        const at = position === undefined ? x.length - 1 : nearest(x, position)
        values[i].textContent = at < 0 || at === undefined ? '–' : format(y[at])
      })
      where.textContent = position === undefined ? 'at the end' : wordsOfPosition(position)
    }
    const where = element('li', {})

    function buildKey() {
      key.replaceChildren()
      chart.lines.forEach((line, i) => {
        values[i] = element('b', {})
        if (line.hidden) return
        // A chart with one line needs no key, only the value.
        const name = line.label
          ? [swatch(line), several ? highlighter(line) : element('span', {}, line.label)]
          : []
        if (isMain || runs.length <= fewRuns) key.append(element('li', {}, ...name, values[i]))
      })
      key.append(where)
      showKey()
    }

    chart.draw = (width = plot.clientWidth) => {
      chart.lines = lines()
      const tables = chart.lines.map(({ x, y }) => [x, y])
      const data = uPlot.join(tables)
      const [soft, grid] = ['--soft', '--grid'].map(variable)
      const font = `12px ${variable('--sans')}`
      const isLogY = logY?.(chart.lines) ?? false
      const narrow = width < 480
      const hasChoices = choicesAxis && !narrow
      units.lastChild.hidden = choicesAxis && !hasChoices
      const axis = { stroke: soft, font, ticks: { show: false }, grid: { stroke: grid, width: 1 } }
      chart.drawn?.destroy()
      chart.drawn = new uPlot(
        {
          width,
          height: printing ? paperHeight : narrow ? Math.min(height, 260) : height,
          legend: { show: false },
          padding: [8, hasChoices ? 0 : 24, 0, 0],
          cursor: { y: false, sync: { key: 'report' }, points: { size: 8 }, drag: { x: true, y: false } },
          scales: {
            x: {
              time: false,
              distr: view.scale === 'log' ? 3 : 1,
              range: extent,
            },
            y: {
              distr: isLogY ? 3 : 1,
              range: (_, low, high) =>
                isLogY && low > 0 ? [low / 1.2, high * 1.2] : rangeOf(fromZero ? 0 : low, high, guess?.()),
            },
          },
          axes: [
            {
              ...axis,
              grid: { show: false },
              size: 30,
              label: view.axis === 'step' ? 'steps' : `${timeName} of training steps`,
              labelFont: font,
              labelSize: 18,
              space: narrow ? 56 : 70,
              values: (_, ticks) => ticks.map(tickWords),
              ...(view.scale === 'log' && {
                splits: ({ scales }) => logTicks(scales.x.min, scales.x.max),
                filter: (_, ticks) => ticks,
              }),
            },
            {
              ...axis,
              size: 52,
              gap: 6,
              space: printing ? 24 : 34,
              values: (_, ticks) => ticks.map(tickWords),
              ...(isLogY && {
                splits: ({ scales }) => logTicks(scales.y.min, scales.y.max),
                filter: (_, ticks) => ticks,
              }),
            },
            ...(hasChoices
              ? [
                  {
                    ...axis,
                    side: 1,
                    scale: 'y',
                    size: 48,
                    gap: 6,
                    space: 40,
                    grid: { show: false },
                    values: (_, ticks) => ticks.map((tick) => choices(tick)),
                  },
                ]
              : []),
          ],
          series: [
            {},
            ...chart.lines.map((line) => ({
              label: line.label,
              stroke: faded(variable(line.color), (line.faint ? 0.35 : 1) * emphasisOf(line)),
              width: line.faint ? 1 : 2,
              dash: line.dash,
              spanGaps: true,
              points: {
                show: line.x.length < 3 || (line.dots === true && line.x.length < 40),
                size: 5,
                fill: faded(variable(line.color), emphasisOf(line)),
              },
            })),
          ],
          hooks: {
            setCursor: [
              (u) =>
                showKey(u.cursor.idx === null || u.cursor.left < 0 ? undefined : u.data[0][u.cursor.idx]),
            ],
            setScale: [
              (u, scale) => {
                if (scale === 'x') zoomOthers(chart, u)
              },
            ],
            draw: [(u) => drawGuess(u, guess?.(), soft, font)],
          },
        },
        data,
        plot,
      )
      buildKey()
    }

    plot.addEventListener('keydown', (event) => moveCursor(event, chart))
    // The values are read aloud while the arrow keys move the cursor, and not while the mouse does.
    plot.addEventListener('focus', () => key.setAttribute('aria-live', 'polite'))
    plot.addEventListener('blur', () => {
      key.removeAttribute('aria-live')
      chart.drawn.setCursor({ left: -10, top: -10 })
    })
    new ResizeObserver(() => {
      if (!printing && chart.drawn && plot.clientWidth !== chart.drawn.width) chart.draw()
    }).observe(plot)
  }

  /** The opacity of a line beside the run that is highlighted. */
  const emphasisOf = ({ run }) => (view.only === undefined || run === view.only ? 1 : 0.12)

  /** A color with an opacity. */
  function faded(color, opacity) {
    if (opacity === 1) return color
    const value = Number.parseInt(color.slice(1), 16)
    return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${opacity})`
  }

  /** The range of a linear axis, with a margin. */
  function rangeOf(low, high, guess) {
    if (low === null || high === null) return [0, 1]
    const top = guess !== undefined && guess < high * 1.15 ? Math.max(high, guess) : high
    const margin = (top - low) * 0.06 || Math.abs(top) * 0.1 || 1
    return [low >= 0 ? Math.max(0, low - margin) : low - margin, top + margin]
  }

  /** A dashed line at the loss of a model that guesses. */
  function drawGuess(u, guess, color, font) {
    if (guess === undefined || guess > u.scales.y.max || guess < u.scales.y.min) return
    const { ctx, bbox } = u
    const ratio = devicePixelRatio
    const y = Math.round(u.valToPos(guess, 'y', true))
    ctx.save()
    ctx.strokeStyle = ctx.fillStyle = color
    ctx.lineWidth = ratio
    ctx.setLineDash([3 * ratio, 4 * ratio])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    ctx.font = font.replace('12px', `${12 * ratio}px`)
    ctx.textAlign = 'right'
    ctx.textBaseline = 'top'
    ctx.fillText('guessing', bbox.left + bbox.width - 6 * ratio, y + 5 * ratio)
    ctx.restore()
  }

  /** The name of a run, as a button that highlights it in all charts. */
  function highlighter({ label, run }) {
    const isOn = view.only === run
    const button = element(
      'button',
      { type: 'button', 'aria-pressed': String(isOn), title: 'Highlight' },
      label,
    )
    button.addEventListener('click', () => {
      const key = button.closest('.key')
      view.only = isOn ? undefined : run
      redraw()
      // The keys were made anew.
      for (const each of key.querySelectorAll('button')) if (each.textContent === label) each.focus()
    })
    return button
  }

  let isZooming = false

  /** All charts show the same part of the axis. */
  function zoomOthers(chart, u) {
    if (isZooming || !chart.drawn) return
    isZooming = true
    const { min, max } = u.scales.x
    for (const other of charts) if (other !== chart) other.drawn?.setScale('x', { min, max })
    isZooming = false
  }

  /** Arrow keys move the cursor of a chart, and Escape removes it. */
  function moveCursor(event, { drawn }) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }
    const xs = drawn.data[0]
    if (event.key === 'Escape') return drawn.setCursor({ left: -10, top: -10 })
    if (!Object.hasOwn(steps, event.key) || xs.length === 0) return undefined
    event.preventDefault()
    const from = drawn.cursor.left >= 0 ? (drawn.cursor.idx ?? xs.length - 1) : xs.length
    const to = Math.max(0, Math.min(xs.length - 1, from + steps[event.key]))
    return drawn.setCursor({ left: drawn.valToPos(xs[to], 'x'), top: 0 })
  }

  /** The index of the largest x up to a position; that of the first one if there is none. */
  function nearest(x, position) {
    let [low, high] = [0, x.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (x[middle] <= position) low = middle
      else high = middle - 1
    }
    return x.length === 0 ? -1 : low
  }

  function wordsOfPosition(position) {
    return view.axis === 'step' ? `at step ${integer(position)}` : `after ${duration(position * timeUnit)}`
  }

  /** The factor from nats per token to the unit of the loss charts. */
  function factorOf({ evaluations }) {
    if (!inBits) return 1
    const i = evaluations.validation.findIndex((value) => value > 0)
    return i < 0 ? 1 : evaluations.validationBits[i] / evaluations.validation[i]
  }

  function lossLines() {
    return runs.flatMap((run, i) => {
      const { training, evaluations } = run
      const factor = factorOf(run)
      const scaled = (values) => values.map((value) => (value === null ? null : value * factor))
      const validation = points(
        positions(evaluations),
        inBits ? evaluations.validationBits : evaluations.validation,
      )
      if (several) {
        const style = { run: i, ...styleOf(i) }
        const train = points(positions(training), smoothed(scaled(training.loss), view.smoothing))
        return [
          { label: names[i], ...style, ...train, faint: true, hidden: validation.x.length > 0 },
          { label: names[i], ...style, ...validation, dots: true, hidden: validation.x.length === 0 },
        ]
      }
      const raw = points(positions(training), scaled(training.loss))
      const smooth = { x: raw.x, y: smoothed(raw.y, view.smoothing) }
      return [
        { label: 'each step', color: '--series-0', ...raw, faint: true, hidden: true },
        { label: view.smoothing === 0 ? 'training' : 'training, smoothed', color: '--series-0', ...smooth },
        {
          label: 'validation',
          color: '--series-1',
          ...validation,
          dots: true,
          hidden: validation.x.length === 0,
        },
      ]
    })
  }

  /** A line per run of a column of the training's table. */
  function trainingLines(column, smoothing = false) {
    return () =>
      runs.map((run, i) => {
        const values = run.training[column]
        const shown = smoothing ? smoothed(values, view.smoothing) : values
        return {
          label: several ? names[i] : '',
          run: i,
          ...styleOf(i),
          ...points(positions(run.training), shown),
        }
      })
  }

  /** Where a line begins and ends. */
  function fromTo({ x, y }, format) {
    if (y.length === 0) return 'no values'
    return `from ${format(y[0])} ${wordsOfPosition(x[0])} to ${format(y.at(-1))} ${wordsOfPosition(x.at(-1))}`
  }

  function showCharts() {
    const isEvaluated = runs.some(({ evaluations }) => evaluations.step.length > 0)
    byId('loss-text').append(
      ...(several
        ? rich(
            '*Validation loss* is how surprised a model is by text that it has not trained on. Lower is better. The pale lines are the *training loss*, on the text that it learns from. Click on the name of a run to highlight it.',
          )
        : isEvaluated
          ? rich(
              '*Validation loss* is how surprised the model is by text that it has not trained on. Lower is better. *Training loss* is the same for the text that it learns from.',
            )
          : rich(
              '*Training loss* is how surprised the model is by the text that it learns from. Lower is better.',
            )),
    )
    showMeaning()
    showEvaluations()
    const sameVocabulary = runs.every(({ model }) => model.vocabSize === runs[0].model.vocabSize)
    const summarize = (lines, format) => () =>
      `${lines()
        .filter(({ hidden }) => !hidden)
        .map((line) => [line.label, fromTo(line, format)].filter(Boolean).join(' '))
        .join('; ')}.`
    addChart('loss-chart', {
      unit: `Loss in ${lossUnit}`,
      lines: lossLines,
      height: 380,
      paperHeight: 250,
      format: loss,
      choicesAxis: !inBits,
      guess: () => (inBits || !sameVocabulary ? undefined : Math.log(runs[0].model.vocabSize)),
      summary: summarize(lossLines, loss),
    })
    const rates = trainingLines('learningRate')
    addChart('rate-chart', {
      title: 'Learning rate',
      text: 'How far each step moves the weights. Many runs rise at first, and then become more careful.',
      unit: 'learning rate',
      lines: rates,
      height: 200,
      paperHeight: 150,
      fromZero: true,
      format: short,
      summary: summarize(rates, short),
    })
    const norms = trainingLines('gradientNorm', true)
    addChart('norm-chart', {
      title: 'Gradient norm',
      text: 'How strongly the text pulls at the weights. A sudden rise is a sign that the training is unstable.',
      unit: 'largest norm, before clipping',
      lines: norms,
      height: 200,
      paperHeight: 150,
      format: short,
      logY: (lines) => {
        const all = lines.flatMap(({ y }) => y).filter((value) => value > 0)
        return all.length > 0 && Math.max(...all) > 30 * Math.min(...all)
      },
      summary: summarize(norms, short),
    })
    const speeds = trainingLines('tokensPerSecond', true)
    addChart('speed-chart', {
      title: 'Speed',
      text: `How many ${unitOf}s the device learned from in a second. It drops while other programs use the device.`,
      unit: `${unitOf}s per second`,
      lines: speeds,
      height: 200,
      paperHeight: 150,
      fromZero: true,
      format: short,
      summary: summarize(speeds, short),
    })
    redraw()
    byId('controls').addEventListener('submit', (event) => event.preventDefault())
    byId('controls').addEventListener('input', () => {
      const chosen = new FormData(byId('controls'))
      view.axis = chosen.get('axis')
      view.scale = chosen.get('scale')
      view.range = chosen.get('range')
      view.smoothing = Number(byId('smoothing').value)
      redraw()
    })
  }

  function redraw(width) {
    byId('smoothing-value').textContent = view.smoothing === 0 ? 'none' : percent(view.smoothing)
    for (const chart of charts) chart.lines = []
    for (const chart of charts) chart.draw(width)
    // The first chart was drawn before the extent of the others was known.
    for (const chart of charts) chart.drawn.setData(chart.drawn.data)
  }

  function showMeaning() {
    const best = runs.map(({ best }) => best).find(Boolean)
    if (!best) {
      byId('meaning').hidden = true
      return
    }
    const [run] = runs.filter((each) => each.best === best)
    const { unit, model } = run
    const paragraph = (...children) => byId('meaning-text').append(element('p', {}, ...children))
    paragraph(
      `At each ${unit}, the model gives every possible next ${unit} a probability. The loss is −ln of the probability that it gave to the one that follows in the text, on average: 0 if it was always certain and right, and more the more it was surprised.`,
    )
    paragraph(
      ...rich(
        `A loss of *%* is as if the model chose among e^% ≈ *%* equally likely %s each time. A model that guesses among all % of them has a loss of ln % = %.`,
        best.valLoss.toFixed(2),
        best.valLoss.toFixed(2),
        choices(best.valLoss),
        unit,
        integer(model.vocabSize),
        integer(model.vocabSize),
        Math.log(model.vocabSize).toFixed(2),
      ),
    )
    if (inBits) {
      paragraph(
        'A loss in bits per byte is the loss in nats, divided by ln 2 and by the bytes of text that a token stands for on average. It does not depend on how the text is divided into tokens.',
      )
    }
    paragraph(
      'If the validation loss rises while the training loss still falls, the model begins to learn its text by heart (overfitting). The checkpoint “best” is from before that.',
    )
  }

  function showEvaluations() {
    const isEvaluated = runs.some(({ evaluations }) => evaluations.step.length > 0)
    if (!isEvaluated) {
      byId('numbers').hidden = true
      return
    }
    const head = [...(several ? ['Run'] : []), 'Step', 'Time', 'Training', 'Validation', 'Bits per byte']
    byId('evaluations').append(
      element('thead', {}, element('tr', {}, ...head.map((title) => element('th', { scope: 'col' }, title)))),
      element(
        'tbody',
        {},
        ...runs.flatMap(({ evaluations }, i) =>
          evaluations.step.map((step, row) =>
            element(
              'tr',
              {},
              ...[
                ...(several ? [names[i]] : []),
                integer(step),
                duration(evaluations.seconds[row] ?? 0),
                loss(evaluations.train[row]),
                loss(evaluations.validation[row]),
                evaluations.validationBits[row]?.toFixed(3) ?? '–',
              ].map((cell) => element('td', {}, cell)),
            ),
          ),
        ),
      ),
    )
  }

  // ---------------------------------------------------------------------------------------------
  // Samples

  function showSamples() {
    const steps = [...new Set(runs.flatMap(({ samples }) => samples.map(({ step }) => step)))]
    steps.sort((a, b) => a - b)
    if (steps.length === 0) {
      byId('samples').hidden = true
      return
    }
    const slider = byId('sample-slider')
    slider.max = steps.length - 1
    slider.value = steps.length - 1
    document.querySelector('.player').hidden = steps.length === 1
    const boxes = runs.map((run, i) => {
      const caption = element('figcaption', {})
      const text = element('pre', { tabindex: '0' })
      text.setAttribute('aria-label', several ? `Sample of ${names[i]}` : 'Sample')
      byId('sample-texts').append(element('figure', { class: 'sample' }, caption, text))
      return { run, caption, text, name: names[i] }
    })
    const show = () => {
      const step = steps[slider.value]
      byId('sample-step').textContent = `Step ${integer(step)}`
      slider.setAttribute('aria-valuetext', `Step ${integer(step)}`)
      for (const { run, caption, text, name } of boxes) {
        const sample = run.samples.findLast((each) => each.step <= step)
        const at = run.evaluations.step.findLastIndex((each) => each <= (sample?.step ?? -1))
        const found = run.evaluations.validation[at]
        const start = several ? [element('b', {}, name), ' · '] : []
        caption.replaceChildren(
          ...start,
          sample ? `After ${plural(sample.step, 'step')}` : 'No sample yet',
          ...(sample && at >= 0
            ? [` · validation loss ${loss(found)}, about ${choices(found)} choices`]
            : []),
        )
        text.textContent = sample?.text ?? ''
        text.scrollTop = 0
      }
    }
    slider.addEventListener('input', () => {
      stop()
      show()
    })
    const play = byId('sample-play')
    let timer
    const stop = () => {
      clearInterval(timer)
      timer = undefined
      play.textContent = 'Play'
    }
    play.addEventListener('click', () => {
      if (timer !== undefined) return stop()
      if (Number(slider.value) === steps.length - 1) slider.value = 0
      show()
      play.textContent = 'Pause'
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1
        show()
        if (Number(slider.value) === steps.length - 1) stop()
      }, 1200)
      return undefined
    })
    show()
  }

  // ---------------------------------------------------------------------------------------------
  // The validation text

  /** The loss with the strongest background. */
  const hottest = 6
  const strongest = 0.62
  const levelOf = (nats) => (strongest * Math.min(nats, hottest)) / hottest

  function showSurprise() {
    const shown = runs.flatMap((run, i) =>
      run.text ? [{ ...run.text, unit: run.unit, blockSize: run.model.blockSize, name: names[i] }] : [],
    )
    if (shown.length === 0) {
      byId('surprise').hidden = true
      return
    }
    const { unit, blockSize } = shown[0]
    byId('surprise-text').append(
      ...rich(
        'This is the beginning of the validation text, on which the model never trained. The stronger the color, the more the model was surprised by what comes next. It reads the text in windows of %, and little precedes the first ones of each window.',
        plural(blockSize, unit),
      ),
    )
    const scale = element('span', { class: 'scale' })
    for (const nats of [0, 1, 2, 3, 4, 5, 6]) {
      const step = element('span', {}, nats === hottest ? `${nats}+` : String(nats))
      step.style.setProperty('--level', levelOf(nats).toFixed(3))
      scale.append(step)
    }
    byId('surprise-legend').append('expected', scale, 'surprising (loss in nats)')
    const select = (i) => showText(shown[i])
    if (shown.length > 1) {
      byId('surprise-runs').hidden = false
      shown.forEach(({ name }, i) => {
        const input = element('input', {
          type: 'radio',
          name: 'surprise-run',
          value: String(i),
          checked: i === 0,
        })
        input.addEventListener('change', () => select(i))
        byId('surprise-runs').append(element('label', {}, input, element('span', {}, name)))
      })
    }
    listenToText()
    select(0)
  }

  /** The pieces on the page, and the one that is selected. */
  let spans = []
  let current = -1

  function showText({ pieces, step, unit }) {
    current = -1
    spans = pieces.map(([text, nats]) => {
      const span = element('span', { class: nats === null && 'first' })
      if (nats !== null) span.style.setProperty('--level', levelOf(nats).toFixed(3))
      // A line feed would be invisible.
      for (const part of text.split(/(\n)/)) {
        if (part === '\n') span.append(element('i', { class: 'mark', 'aria-hidden': 'true' }, '↵'))
        span.append(part)
      }
      return span
    })
    const losses = pieces.flatMap(([, nats]) => nats ?? [])
    const mean = losses.reduce((sum, nats) => sum + nats, 0) / losses.length
    byId('surprise-tokens').replaceChildren(...spans)
    byId('surprise-tokens').setAttribute('aria-label', pieces.map(([text]) => text).join(''))
    readText = (i) => {
      const readout = byId('surprise-readout')
      if (i < 0) {
        const words = `${plural(losses.length, unit)}, mean loss ${loss(mean)}, by the model after ${plural(step, 'step')}`
        readout.replaceChildren(words)
        return
      }
      const [text, nats] = pieces[i]
      const words =
        nats === null
          ? 'comes first, so it has no loss'
          : `had a probability of ${probability(nats)}: loss ${nats.toFixed(2)}`
      readout.replaceChildren(element('b', {}, JSON.stringify(text)), ` ${words}`)
    }
    readText(-1)
  }

  let readText = () => {}

  function probability(nats) {
    const chance = Math.exp(-nats)
    if (chance >= 0.9995) return 'more than 99.9%'
    return chance >= 0.001
      ? percent(chance, chance < 0.1 ? 2 : 1)
      : `1 in ${inWords(Math.round(Math.exp(nats)))}`
  }

  function selectPiece(i) {
    spans[current]?.classList.remove('current')
    current = i
    spans[current]?.classList.add('current')
    spans[current]?.scrollIntoView({ block: 'nearest' })
    readText(i)
  }

  function listenToText() {
    const box = byId('surprise-tokens')
    box.addEventListener('pointerover', (event) => {
      const i = spans.indexOf(event.target.closest('#surprise-tokens > span'))
      if (i >= 0) selectPiece(i)
    })
    box.addEventListener('pointerleave', () => selectPiece(-1))
    box.addEventListener('blur', () => selectPiece(-1))
    box.addEventListener('keydown', (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }
      if (event.key === 'Escape') return selectPiece(-1)
      if (!Object.hasOwn(steps, event.key)) return undefined
      event.preventDefault()
      return selectPiece(Math.max(0, Math.min(spans.length - 1, current + steps[event.key])))
    })
  }

  // ---------------------------------------------------------------------------------------------
  // Time

  function bars(rows) {
    return element(
      'dl',
      { class: 'bars' },
      ...rows.map(([name, share, value, detail]) => {
        const bar = element('i', {})
        bar.style.setProperty('--share', percent(share, 1))
        return element(
          'div',
          {},
          element('dt', {}, name, ...(detail ? [element('small', {}, detail)] : [])),
          element('dd', { class: 'track', 'aria-hidden': 'true' }, bar),
          element('dd', { class: 'value' }, value),
        )
      }),
    )
  }

  function showTime() {
    const timed = runs.flatMap((run, i) => (run.times ? [{ ...run.times, name: names[i] }] : []))
    if (timed.length === 0) {
      byId('time').hidden = true
      return
    }
    byId('time-text').append(
      'A training step is a sequence of operations. This is how long each kind of them takes in one step, measured when this report was made.',
    )
    for (const { name, device, ms, ops } of timed) {
      if (several) byId('time-bars').append(element('h3', {}, name))
      const outside = Math.max(0, ms - ops.reduce((sum, op) => sum + op.ms, 0))
      const rows = [
        ...ops.map((op) => [op.kind, op.ms, op.ops.join(', ')]),
        ['between operations', outside, ''],
      ]
      byId('time-bars').append(
        bars(
          rows.map(([title, part, detail]) => [
            title,
            part / ms,
            `${short(part)} ms · ${percent(part / ms, 1)}`,
            detail,
          ]),
        ),
        element('p', { class: 'hint' }, `One step took ${short(ms)} ms on ${device}.`),
      )
    }
  }

  // ---------------------------------------------------------------------------------------------
  // Model card

  function list(rows) {
    return element(
      'dl',
      {},
      ...rows.map(([name, value]) =>
        element('div', {}, element('dt', {}, name), element('dd', {}, valueWords(value))),
      ),
    )
  }

  function code(text, label) {
    const copy = element('button', { type: 'button', class: 'button' }, 'Copy')
    copy.setAttribute('aria-label', `Copy ${label}`)
    const pre = element('pre', { class: 'copied-beside', tabindex: '0' }, text)
    pre.setAttribute('aria-label', label)
    copy.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(text)
        copy.textContent = 'Copied'
      } catch {
        // The browser forbids it: the text is selected instead.
        getSelection().selectAllChildren(pre)
        copy.textContent = 'Selected'
      }
      setTimeout(() => {
        copy.textContent = 'Copy'
      }, 2000)
    })
    return element('div', { class: 'code' }, pre, copy)
  }

  /** A word of a command line for sh-like shells. */
  const quoted = (word) => (/^[\w./:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

  function showCards() {
    runs.forEach((run, i) => {
      const { model, data, sessions, options } = run
      const card = element(several ? 'details' : 'div', { class: 'card', open: several && i === 0 })
      if (several) card.append(element('summary', {}, element('h3', {}, swatch(styleOf(i)), names[i])))
      const first = sessions[0]
      const last = sessions.at(-1)
      const versions = [...new Set(sessions.map((session) => session.version))].join(', ')
      const { kind, vocabSize, blockSize, layers, heads, embed, lora } = model
      const groups = [
        [
          'Run',
          [
            ['folder', run.folder],
            ['state', `${states[run.state]}, ${integer(run.step)} of ${integer(run.steps)} steps`],
            ['started', dateOf(run.started)],
            ['last change', dateOf(run.updated)],
            ['nano-gpt', versions || null],
            ['device', last?.device ?? null],
            ['machine', last?.machine ?? null],
          ],
        ],
        [
          'Model',
          [
            ['kind', kind],
            // The weights that it starts with, and the adapters if only these are trained.
            ['from', options.from],
            ['parameters', integer(run.parameters)],
            ['adapters', lora && `rank ${lora.rank}, alpha ${lora.alpha}, in ${valueWords(lora.targets)}`],
            ['layers', layers],
            ['heads', heads],
            ['channels', embed],
            ['context', `${integer(blockSize)} ${run.unit}s`],
            ['vocabulary', `${integer(vocabSize)} ${run.unit}s`],
            ['tokenizer', run.tokenizer],
          ],
        ],
        [
          'Training',
          [
            [
              'best validation loss',
              run.best && `${loss(run.best.valLoss)} at step ${integer(run.best.step)}`,
            ],
            ['optimizer', options.optimizer],
            ['learning rate', options.learningRate],
            ['schedule', options.schedule],
            ['batch size', options.batchSize],
            [`${run.unit}s per step`, integer(run.tokensPerStep)],
            ['seed', options.seed],
            ['time of the steps', duration(secondsOf(run))],
          ],
        ],
        [
          'Data',
          [
            ['text', data.name],
            ['training split', data.trainTokens && `${integer(data.trainTokens)} ${run.unit}s`],
            ['validation split', data.validationTokens && `${integer(data.validationTokens)} ${run.unit}s`],
            ['sha256', data.digest],
          ],
        ],
      ]
      card.append(
        element(
          'div',
          { class: 'card-groups' },
          ...groups.map(([title, rows]) =>
            element(
              'div',
              {},
              element('h4', {}, title),
              list(rows.filter(([, value]) => value !== undefined && value !== null)),
            ),
          ),
        ),
        element('h4', {}, 'Repeat this run'),
        code(`nano-gpt train --config ${quoted(run.folder)}`, 'the command'),
      )
      const config = element(
        'details',
        { class: 'aside' },
        element('summary', {}, 'All options'),
        element(
          'p',
          {},
          'Without the run folder, save these options as config.json and pass that file as --config. The same version, device, instruction set and text give the same weights, to the bit.',
        ),
        code(JSON.stringify(options, null, 2), 'all options'),
      )
      card.append(config)
      showEvents(card, run, first)
      byId('cards').append(card)
    })
  }

  function showEvents(card, { sessions, warnings, notices, checkpoints }, first) {
    const items = [
      ...sessions
        .filter((session) => session !== first)
        .map(({ step, time, version: by, device }) => [
          step,
          `resumed at step ${integer(step)} on ${dateOf(time)}, by nano-gpt ${by} on ${device}`,
        ]),
      ...warnings.map(({ step, message }) => [step, `warning at step ${integer(step)}: ${message}`]),
    ]
      .sort(([a], [b]) => a - b)
      .map(([, words]) => words)
    const all = [...items, ...notices]
    if (all.length > 0) {
      card.append(
        element('h4', {}, 'Events'),
        element('ul', { class: 'events' }, ...all.map((words) => element('li', {}, words))),
      )
    }
    const newest = checkpoints.at(-1)
    if (newest) {
      card.append(
        element(
          'p',
          { class: 'hint' },
          `The newest checkpoint, ${newest.name}, is of step ${integer(newest.step)}.`,
        ),
      )
    }
  }

  // ---------------------------------------------------------------------------------------------
  // Colors and paper

  let printing = false
  /** The width of the charts on paper, in CSS pixels: that of a narrow sheet within its margins. */
  const paperWidth = 640
  const narrowPaper = 200

  function beforePrint() {
    printing = true
    document.documentElement.classList.add('printing')
    for (const details of document.querySelectorAll('details:not([open]):not(#numbers)')) {
      details.open = true
      details.dataset.opened = ''
    }
    for (const chart of charts) {
      chart.draw(chart.plot.closest('.small-charts') ? narrowPaper : paperWidth)
    }
  }

  function afterPrint() {
    printing = false
    document.documentElement.classList.remove('printing')
    for (const details of document.querySelectorAll('details[data-opened]')) {
      details.open = false
      delete details.dataset.opened
    }
    redraw()
  }

  showComparison()
  showSamples()
  showSurprise()
  showTime()
  showCards()
  showHead()
  showCharts()
  addEventListener('beforeprint', beforePrint)
  addEventListener('afterprint', afterPrint)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => redraw())
})()
