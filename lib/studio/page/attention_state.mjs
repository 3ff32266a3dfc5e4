// What the view of the attention knows: where each head looks in a text, and what changes without some.

import { batch, computed, effect, signal } from '@preact/signals'
import { post } from './api.mjs'
import { weightsOf } from './attention_math.mjs'
import { newestOnly } from './newest.mjs'
import { modelOf } from './state.mjs'
import { textOf } from './words.mjs'

/** Losses of a call: few, so that other calls need not wait long. */
const headsPerCall = 4
/** 'roll' is fast beyond the context too. */
const sampling = { temperature: 0.8, maxTokens: 160, window: 'roll' }

export const isSame = (a, b) => a.layer === b.layer && a.head === b.head

export class Gaze {
  constructor(run) {
    this.run = signal(run)
    this.model = computed(() => JSON.stringify(modelOf(this.run.value)))
    /** To begin with, the newest words of the model itself. */
    this.text = signal(firstWords(run.samples.at(-1)?.text ?? '', run))
    /** The heads that are switched off. */
    this.off = signal([])
    /** The answer to the newest question. */
    this.look = signal(null)
    /** The token from which the model looks back. */
    this.at = signal(0)
    this.chosen = signal({ layer: 0, head: 0 })
    /** The losses without each head, layer by layer. null: nobody has asked. */
    this.losses = signal(null)
    this.seed = signal(1)
    /** What the model writes with all heads, and without those that are off. Lists of tokens. */
    this.samples = signal({ all: null, without: null })
    this.problem = signal(null)
    this.askNewest = newestOnly((question) => this.ask(question))
    this.writeNewest = newestOnly((question) => this.write(question))
    const question = computed(() => ({
      body: { ...JSON.parse(this.model.value), text: this.text.value },
      off: this.off.value,
      seed: this.seed.value,
    }))
    this.unfollow = effect(() => this.askNewest(question.value))
    if (this.text.peek() === '') this.begin()
  }

  /** A run without samples: the model writes the first words. */
  async begin() {
    try {
      const { tokens } = await post('/api/write', {
        ...modelOf(this.run.peek()),
        ...sampling,
        text: '',
        seed: 1,
      })
      if (this.text.peek() === '') this.text.value = firstWords(textOf(tokens), this.run.peek())
    } catch (error) {
      this.problem.value = error.message
    }
  }

  close() {
    this.isClosed = true
    this.unfollow()
  }

  /** Switches a head off, or on again. */
  toggle(head) {
    const { value } = this.off
    const others = value.filter((each) => !isSame(each, head))
    this.off.value = others.length < value.length ? others : [...value, head]
  }

  async ask(question) {
    if (this.isClosed) return
    const { body, off } = question
    try {
      const answer = await post('/api/attention', { ...body, without: off })
      const isNew = JSON.stringify(body) !== this.asked
      this.asked = JSON.stringify(body)
      batch(() => {
        this.look.value = { ...answer, off, weights: weightsOf(answer) }
        this.problem.value = null
        if (!isNew) return
        this.losses.value = null
        // Of a text that grows, the newest token.
        this.at.value = answer.tokens.length - 1
      })
      if (answer.layers > 0) this.writeNewest(question)
    } catch (error) {
      this.problem.value = error.message
    }
  }

  /** Lets the model continue the text. */
  async write({ body, off, seed }) {
    if (this.isClosed) return
    const sample = async (without) =>
      (await post('/api/write', { ...body, ...sampling, seed, without })).tokens
    const key = JSON.stringify([body, seed])
    try {
      const all = this.written === key ? this.samples.peek().all : await sample([])
      this.written = key
      this.samples.value = { all, without: off.length > 0 ? await sample(off) : null }
    } catch (error) {
      this.problem.value = error.message
    }
  }

  /** Switches off each head in turn. */
  async rank() {
    const { layers, heads } = this.look.peek()
    const body = { ...JSON.parse(this.model.peek()), text: this.text.peek() }
    const all = Array.from({ length: layers * heads }, (_, i) => ({
      layer: Math.floor(i / heads),
      head: i % heads,
    }))
    let losses = []
    this.losses.value = losses
    try {
      // Until there is another text, or the view is closed.
      while (losses.length < all.length && this.losses.peek() === losses && !this.isClosed) {
        const some = all.slice(losses.length, losses.length + headsPerCall)
        const more = (await post('/api/ablate', { ...body, heads: some })).losses
        if (this.losses.peek() !== losses) return
        losses = [...losses, ...more]
        this.losses.value = losses
      }
    } catch (error) {
      batch(() => {
        this.losses.value = null
        this.problem.value = error.message
      })
    }
  }
}

/** The beginning of a text: few enough tokens to see each one. */
function firstWords(text, { unit }) {
  const whole = text.trim()
  const few = whole.slice(0, unit === 'token' ? 240 : 64)
  const words = few.replace(/\s+\S*$/, '')
  return few.length < whole.length && words !== '' ? words : few
}
