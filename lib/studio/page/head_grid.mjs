// The heads of a model as a grid of layers and heads. A cell has a picture of where the head looks, and a
// switch. The arrow keys move between the cells.

import { effect, signal } from '@preact/signals'
import { Component, createRef } from 'preact'
import { shadeOf } from './attention_math.mjs'
import { isSame } from './attention_state.mjs'
import { html } from './html.mjs'
import { choicesWords, headWords } from './words.mjs'

/** The most pixels of a picture on a side. */
const most = 112
/** How dark the tokens are at which a head could look. */
const least = 0.07

const scheme = matchMedia('(prefers-color-scheme: dark)')
const isDark = signal(scheme.matches)
scheme.addEventListener('change', () => {
  isDark.value = scheme.matches
})

const moves = {
  ArrowLeft: { layer: 0, head: -1 },
  ArrowRight: { layer: 0, head: 1 },
  ArrowUp: { layer: -1, head: 0 },
  ArrowDown: { layer: 1, head: 0 },
}

export class HeadGrid extends Component {
  constructor() {
    super()
    this.root = createRef()
  }

  /** The row of the token is marked without rendering the cells again. */
  componentDidMount() {
    const { at, look } = this.props.gaze
    this.unfollow = effect(() => {
      const { style } = this.root.current
      style.setProperty('--row', at.value)
      style.setProperty('--rows', look.value?.tokens.length)
    })
  }

  componentWillUnmount() {
    this.unfollow()
  }

  /** Moves to the next cell, and there to the element that corresponds to the one with the focus. */
  move(event) {
    const by = moves[event.key]
    if (!by) return
    event.preventDefault()
    const { chosen, look } = this.props.gaze
    const layer = Math.min(look.value.layers - 1, Math.max(0, chosen.value.layer + by.layer))
    const head = Math.min(look.value.heads - 1, Math.max(0, chosen.value.head + by.head))
    const tag = event.target.tagName
    chosen.value = { layer, head }
    this.root.current.querySelectorAll(`td ${tag}`)[layer * look.value.heads + head].focus()
  }

  render({ gaze }) {
    const { look, off, chosen, losses } = gaze
    const { layers, heads } = look.value
    const rises = losses.value?.map((loss) => loss - look.value.loss) ?? []
    const largest = Math.max(...rises, 1e-9)
    const numbers = (count) => Array.from({ length: count }, (_, i) => i)
    return html`
      <p id="heads-help">
        A picture has a row for each place in the text, from top to bottom, and colored spots where the head looks from there.
        Click a picture to see that head in the text.
      </p>
      <div class="scroll">
        <table class="grid" style=${{ '--heads': Math.max(heads, Math.min(6, Math.ceil(layers / 2))) }} ref=${this.root} aria-describedby="heads-help" onKeyDown=${(event) => this.move(event)}>
          <caption class="hidden">The heads of each layer</caption>
          <thead>
            <tr><td></td>${numbers(heads).map((head) => html`<th scope="col">Head ${head + 1}</th>`)}</tr>
          </thead>
          <tbody>
            ${numbers(layers).map(
              (layer) => html`
                <tr>
                  <th scope="row">Layer ${layer + 1}</th>
                  ${numbers(heads).map((head) => {
                    const each = { layer, head }
                    return html`<${Cell}
                      head=${each}
                      look=${look.value}
                      isDark=${isDark.value}
                      isOff=${off.value.some((one) => isSame(one, each))}
                      isChosen=${isSame(chosen.value, each)}
                      loss=${losses.value?.[layer * heads + head]}
                      rise=${Math.max(0, (rises[layer * heads + head] ?? 0) / largest)}
                      onChoose=${() => {
                        chosen.value = each
                      }}
                      onToggle=${() => gaze.toggle(each)}
                    />`
                  })}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    `
  }
}

/** Only the chosen cell is in the order of the Tab key. */
function Cell({ head, look, isDark, isOff, isChosen, loss, rise, onChoose, onToggle }) {
  const name = headWords(head)
  const tabIndex = isChosen ? 0 : -1
  return html`
    <td class=${isOff ? 'off' : ''}>
      <button class="picture" aria-pressed=${isChosen} aria-label=${name} tabindex=${tabIndex} onClick=${onChoose}>
        <${Picture} head=${head} look=${look} isDark=${isDark} />
      </button>
      <label>
        <input type="checkbox" role="switch" checked=${!isOff} tabindex=${tabIndex} aria-label="${name} is on" onChange=${onToggle} />
        <span aria-hidden="true">${isOff ? 'off' : 'on'}</span>
      </label>
      ${
        loss !== undefined &&
        html`<div class="rise" title="without it: ${choicesWords(loss)}">
          <span class="fill" style=${{ width: `${100 * rise}%` }}></span><span class="hidden">without it: ${choicesWords(loss)}</span>
        </div>`
      }
    </td>
  `
}

/** The attention of a head as a picture: a row for each token, and in it the tokens at which it looks. */
class Picture extends Component {
  constructor() {
    super()
    this.root = createRef()
  }

  shouldComponentUpdate({ look, isDark }) {
    return look !== this.props.look || isDark !== this.props.isDark
  }

  componentDidMount() {
    this.draw()
  }

  componentDidUpdate() {
    this.draw()
  }

  render() {
    return html`<canvas ref=${this.root}></canvas>`
  }

  draw() {
    const { look, head } = this.props
    const { current } = this.root
    const T = look.tokens.length
    const size = Math.min(T, most)
    current.width = size
    current.height = size
    const [red, green, blue] = getComputedStyle(current).color.match(/\d+/g)
    const color = red | (green << 8) | (blue << 16)
    const alphas = new Uint8Array(size * size)
    for (let t = 0; t < T; t++) {
      const row = look.weights.row(head.layer, head.head, t)
      const from = Math.floor((t * size) / T) * size
      for (let s = 0; s <= t; s++) {
        const i = from + Math.floor((s * size) / T)
        // A pixel of several tokens shows the largest weight.
        alphas[i] = Math.max(alphas[i], 255 * (least + (1 - least) * shadeOf(row[s])))
      }
    }
    const pixels = new ImageData(size, size)
    new Uint32Array(pixels.data.buffer).set(new Uint32Array(alphas).map((alpha) => color | (alpha << 24)))
    current.getContext('2d').putImageData(pixels, 0, 0)
  }
}
