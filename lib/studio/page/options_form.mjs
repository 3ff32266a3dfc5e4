// The options of a run, as the server's table describes them.

import { html } from './html.mjs'
import { studio } from './state.mjs'

/** Offered above the form. */
const elsewhere = 'minutes'

export function OptionsForm({ given, wrong }) {
  return html`
    <details class="options" open=${wrong !== null || undefined}>
      <summary>All options <span class="muted">for those who want to experiment</span></summary>
      <p class="muted">
        Leave a field empty, and a value is chosen that fits this computer and the time.
      </p>
      ${studio.value.fields.map(
        ({ title, fields }) => html`
          <fieldset class="group">
            <legend>${title}</legend>
            ${fields
              .filter(({ name }) => name !== elsewhere)
              .map((field) => html`<${Field} field=${field} given=${given} wrong=${wrong} />`)}
          </fieldset>
        `,
      )}
    </details>
  `
}

function Field({ field, given, wrong }) {
  const { name, label, help, usual, choices, input } = field
  const id = `option-${name}`
  const message = wrong?.option === name ? wrong.message : null
  const props = {
    id,
    value: given.value[name] ?? '',
    'aria-describedby': `${id}-help`,
    'aria-invalid': message !== null,
    onInput: (event) => {
      given.value = { ...given.value, [name]: event.target.value.trim() }
    },
  }
  return html`
    <div class="field ${message ? 'wrong' : ''}">
      <label for=${id}>${label}</label>
      ${
        choices
          ? html`
              <select ...${props}>
                <option value="">${usual}</option>
                ${choices.map((choice) => html`<option>${choice}</option>`)}
              </select>
            `
          : html`<input ...${props} type="text" inputmode=${input} placeholder=${usual} autocomplete="off" />`
      }
      <p id=${`${id}-help`} class="help">${message ? html`<span class="problem">${message}</span>` : help}</p>
    </div>
  `
}
