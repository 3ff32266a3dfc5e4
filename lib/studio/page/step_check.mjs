// Part 4 of a step: the slope, compared with what the loss really does when the weight is moved.

import { html } from './html.mjs'
import { digits } from './step_gradient.mjs'
import { Plot } from './step_plot.mjs'

/** A curve that is lower shows the rounding of float32. */
const stairs = 2e-5

export function Check({ data, step }) {
  const { weight, loss, zooms } = data
  const { path, index, value, gradient, nudge, above, below, difference, curve } = weight
  const zoom = step.zoom.value
  const decimals = 3 + Math.log10(zoom)
  const losses = curve.map(([, each]) => each)
  const hasStairs = gradient !== 0 && Math.max(...losses) - Math.min(...losses) < stairs
  const rows = [
    [`loss at ${digits(value + nudge, 6)}, a little more`, above.toFixed(10)],
    [`loss at ${digits(value - nudge, 6)}, a little less`, below.toFixed(10)],
    [`their difference, divided by ${digits(2 * nudge)}`, digits(difference, 10)],
    ['the slope that was computed backwards', digits(gradient, 10)],
  ]
  return html`
    <p>
      Is the slope true? Nothing is easier: move this one weight, leave all others alone, and compute the loss again. The curve is
      the loss at ${curve.length} values of the weight. The straight line has the slope of part 3. It has to touch the curve where
      the weight is now.
    </p>
    <div class="legend" aria-hidden="true">
      <span><span class="line"></span>the loss, computed</span>
      <span><span class="line dashed"></span>the slope</span>
    </div>
    <${Plot}
      points=${curve}
      line=${(at) => loss + gradient * (at - value)}
      point=${[value, loss]}
      words=${{ name: 'this weight', x: (at) => digits(at, decimals), y: (at) => at.toFixed(decimals) }}
      label=${`The loss for weights from ${digits(curve[0][0])} to ${digits(curve.at(-1)[0])}, and a line with the slope ${digits(gradient)} that touches it at ${digits(value)}.`}
    />
    <fieldset class="segments">
      <legend>Look closer: the curve becomes its slope</legend>
      ${zooms.map(
        (each) => html`
          <label>
            <input type="radio" name="zoom" checked=${each === zoom} onChange=${() => {
              step.zoom.value = each
              step.ask({ path, index })
            }} />
            <span>${each} ×</span>
          </label>
        `,
      )}
    </fieldset>
    ${hasStairs && html`<p class="muted">So close, the curve has little stairs: the engine that computed it rounds to 7 digits.</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label="The check in numbers">
      <table>
        <tbody>
          ${rows.map(
            ([what, number]) => html`<tr><th scope="row">${what}</th><td class="number">${number}</td></tr>`,
          )}
        </tbody>
      </table>
    </div>
    <div role="status"><p class="big">${verdictOf(gradient, difference)}</p></div>
    <p class="muted">
      The two losses come from a second program, in plain TypeScript with 16 digits, which knows nothing of slopes. The slope comes
      from the engine that trains, which computes with 7 digits.
    </p>
  `
}

/** Those of float32. */
const mostDigits = 7
/** Below so many equal digits, the reason is explained. */
const fewDigits = 4

function verdictOf(gradient, difference) {
  if (gradient === 0 && difference === 0) return 'Both are exactly 0: this weight has no say here.'
  const relative = Math.abs(gradient - difference) / Math.max(Math.abs(gradient), Math.abs(difference))
  const same = Math.min(mostDigits, Math.floor(-Math.log10(relative)))
  if (same >= fewDigits) return html`They agree in <strong>${same}</strong> digits.`
  const begun = same < 1 ? 'They differ' : `They agree in ${same === 1 ? 'one digit' : `${same} digits`} only`
  return `${begun}: the slope is so small that rounding shows, or the curve has a bend just here.`
}
