// Where a text comes from: a file that is dropped or chosen, the clipboard, or Shakespeare.

import { signal } from '@preact/signals'
import { html } from './html.mjs'

const isOver = signal(false)
const isPasting = signal(false)
const pasted = signal('')

/** Characters. A shorter text teaches a model next to nothing. */
const fewest = 1000

/** @throws Error for a file that is not text */
async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  try {
    const text = new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // It is not text.
  }
  throw new Error(
    `“${file.name}” is not a plain text. Open it in the program that made it, and save it as a .txt file.`,
  )
}

export function TextPicker({ onText, onProblem }) {
  const use = (name, text) => {
    if (text.length >= fewest) onText({ name, text })
    else
      onProblem(
        `This text has ${text.length} characters. A model needs at least ${fewest}, and learns much better from a whole book.`,
      )
  }
  const take = async (file) => {
    if (!file) return
    try {
      use(file.name, await textOf(file))
    } catch (error) {
      onProblem(error.message)
    }
  }
  const over = (value) => (event) => {
    event.preventDefault()
    isOver.value = value
  }
  return html`
    <div
      class="drop ${isOver.value ? 'over' : ''}"
      onDragOver=${over(true)}
      onDragLeave=${over(false)}
      onDrop=${(event) => {
        over(false)(event)
        take(event.dataTransfer.files[0])
      }}
    >
      <p class="drop-title">Give it a text to read</p>
      <p class="muted">
        Drop a file here: a story, a diary, song lyrics, code, any plain text. It stays on this computer.
      </p>
      <div class="buttons">
        <label class="button">
          Choose a file
          <input
            class="hidden"
            type="file"
            accept=".txt,.md,text/*"
            onChange=${(event) =>
              take(event.target.files[0]).then(() => {
                event.target.value = ''
              })}
          />
        </label>
        <button
          class="button"
          aria-expanded=${isPasting.value}
          onClick=${() => {
            isPasting.value = !isPasting.value
          }}
        >
          Paste a text
        </button>
        <button class="button primary" onClick=${() => onText(null)}>Use Shakespeare</button>
      </div>
      ${isPasting.value && html`<${Paste} onUse=${(text) => use('pasted text', text)} />`}
    </div>
  `
}

function Paste({ onUse }) {
  return html`
    <div class="paste">
      <label for="pasted">Your text</label>
      <textarea
        id="pasted"
        rows="6"
        value=${pasted.value}
        onInput=${(event) => {
          pasted.value = event.target.value
        }}
      ></textarea>
      <button class="button primary" disabled=${pasted.value === ''} onClick=${() => onUse(pasted.value)}>
        Train on this text
      </button>
    </div>
  `
}
