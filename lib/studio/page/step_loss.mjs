// Parts 1 and 2 of a step: the chance of each true token, and the mean of −ln of it.

import { html } from './html.mjs'
import { shadeOfLoss } from './tokens.mjs'
import { choicesWords, percent, tokenWords } from './words.mjs'

const examples = 3

const chanceOf = ({ loss }) => Math.exp(-loss)

export function Forward({ run, data: { tokens } }) {
  const guessed = tokens.slice(1)
  const order = [...guessed].sort((a, b) => a.loss - b.loss)
  const [best, worst] = [order[0], order.at(-1)]
  return html`
    <p>
      The model reads a piece of its training text. At every ${run.unit} it says how likely each next one is. The stronger the
      color, the less it expected what really came.
    </p>
    <div class="sample colored" tabindex="0" role="region" aria-label="Text">
      ${tokens.map(
        ({ text, loss }) =>
          html`<span class="heat" title=${loss === null ? undefined : percent(Math.exp(-loss))} style=${{ '--heat': `${Math.round(50 * shadeOfLoss(loss))}%` }}>${text || '\ufffd'}</span>`,
      )}
    </div>
    <p>
      It was best at ${tokenWords(best.text)}, to which it gave ${percent(chanceOf(best))}, and worst at ${tokenWords(worst.text)}, with
      ${' '}${percent(chanceOf(worst))}.
    </p>
  `
}

export function Loss({ run, data: { tokens, loss } }) {
  const guessed = tokens.slice(1)
  const rest = guessed.length - examples
  return html`
    <p>
      One number says how bad the guesses are. For each ${run.unit}, take −ln of the chance that the true one had: 0 if it was
      certain, and more the less likely it was. The mean is the loss.
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label="Losses">
      <table>
        <thead>
          <tr><th scope="col">what came</th><th scope="col">its chance</th><th scope="col">−ln(chance)</th></tr>
        </thead>
        <tbody>
          ${guessed.slice(0, examples).map(
            (token) => html`
              <tr>
                <td>${tokenWords(token.text)}</td>
                <td class="number">${chanceOf(token).toPrecision(3)}</td>
                <td class="number">−ln ${chanceOf(token).toPrecision(3)} = ${token.loss.toFixed(3)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    <p>
      ${rest > 0 && `… and ${rest} more. `}
      <span class="formula">(${guessed
        .slice(0, examples)
        .map((each) => each.loss.toFixed(3))
        .join(
          ' + ',
        )} ${rest > 0 ? ' + …' : ''}) / ${guessed.length} = <strong>${loss.toFixed(4)}</strong></span>
    </p>
    <p class="big">As if choosing among <strong>${choicesWords(loss)}</strong> ${run.unit}s each time.</p>
  `
}
