// The page of one run: its title and progress, and several views of it.

import { Component, createRef } from 'preact'
import { Attention } from './attention.mjs'
import { html } from './html.mjs'
import { Learning } from './learning.mjs'
import { Try } from './playground.mjs'
import { RunHead } from './run_head.mjs'
import { Speed } from './speed.mjs'
import { addressOfRun, route, shown } from './state.mjs'
import { Step } from './step.mjs'
import { Surprise } from './surprise.mjs'
import { Timeline } from './timeline.mjs'

/** The views, in their order. All but the first need a model that is saved. */
const views = [
  { name: 'learning', title: 'How it learns', View: Learning },
  { name: 'writing', title: 'Watch it write', View: Try },
  { name: 'reading', title: 'Watch it read', View: Surprise },
  { name: 'attention', title: 'Where it looks', View: Attention },
  { name: 'step', title: 'One step', View: Step },
  // Speed does not depend on the weights.
  { name: 'speed', title: 'Where the time goes', View: Speed, isTimeless: true },
]

const unsaved =
  'When the model is saved for the first time, in a moment, the other views open, and you can go back in time.'

/** The links to the views. In a narrow window they scroll sideways, so that the current one is in sight. */
class Tabs extends Component {
  constructor() {
    super()
    this.root = createRef()
  }

  componentDidMount() {
    this.scroll()
  }

  componentDidUpdate({ name }) {
    if (name !== this.props.name) this.scroll()
  }

  scroll() {
    const { current } = this.root
    const tab = current.querySelector('[aria-current]')
    current.scrollLeft = tab.offsetLeft + (tab.offsetWidth - current.clientWidth) / 2
  }

  render({ id, name: shownView }) {
    return html`
      <nav class="views" aria-label="Views of the run" ref=${this.root}>
        ${views.map(
          ({ name, title }) => html`
            <a href=${addressOfRun(id, name)} aria-current=${name === shownView ? 'page' : undefined}>${title}</a>
          `,
        )}
      </nav>
    `
  }
}

export function RunPage() {
  const run = shown.value
  if (run === null) return html`<p class="muted">Reading the run…</p>`
  if (run.missing) return html`<p class="problem">${run.missing}</p><p><a href="#">Back to the runs</a></p>`
  const { name, View, isTimeless } = views.find((view) => view.name === route.value.parts[1]) ?? views[0]
  return html`
    <${RunHead} run=${run} />
    <${Tabs} id=${run.id} name=${name} />
    ${!isTimeless && (run.isSaved ? html`<${Timeline} run=${run} key=${run.id} />` : html`<p class="timeline muted">${unsaved}</p>`)}
    ${
      name === 'learning' || run.isSaved
        ? html`<${View} run=${run} key=${`${run.id} ${name}`} />`
        : isTimeless && html`<p class="muted">${unsaved}</p>`
    }
  `
}
