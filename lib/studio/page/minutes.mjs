// How long to train.

import { html } from './html.mjs'
import { studio } from './state.mjs'

const offered = ['1', '2', '5', '15']

export function Minutes({ given }) {
  const fields = studio.value.fields.flatMap((group) => group.fields)
  const usual = fields.find(({ name }) => name === 'minutes').usual
  const chosen = given.value.minutes || usual
  return html`
    <fieldset class="segments">
      <legend>Train for about</legend>
      ${offered.map(
        (minutes) => html`
          <label>
            <input
              type="radio"
              name="minutes"
              value=${minutes}
              checked=${minutes === chosen}
              onChange=${() => {
                given.value = { ...given.value, minutes }
              }}
            />
            <span>${minutes} min</span>
          </label>
        `,
      )}
    </fieldset>
  `
}
