// What the view of the attention knows: where each head looks in a text, and what changes without some.

import { batch, computed, effect, signal } from '@preact/signals'
import { post } from './api.mjs'
import { patternOf, weightsOf } from './attention_math.mjs'
import { newestOnly } from './newest.mjs'
import { modelOf } from './state.mjs'
import { textOf } from './words.mjs'

/** Losses of a call: few, so that other calls need not wait long. */
const headsPerCall = 4
/** 'roll' is fast beyond the context too. */
const sampling = { temperature: 0.8, window: 'roll', maxTokens: 40 }
/** A sample is written in parts, so that no call takes long. */
const partsOfSample = 4

/** Why a sample is not completed. */
const outdated = new Error('There is another question.')

export const isSame = (a, b) => a.layer === b.layer && a.head === b.head

export class Gaze {
  constructor(run) {
    this.run = signal(run)
    this.model = computed(() => JSON.stringify(modelOf(this.run.value)))
    this.text = signal(firstWords(run))
    /** The heads that are switched off. */
    this.off = signal([])
    /** The answer to the newest question. null: there is no text. */
    this.look = signal(null)
    /** The token from which the model looks back. */
    this.at = signal(0)
    this.chosen = signal({ layer: 0, head: 0 })
    /** What that head does all over the text. */
    this.pattern = computed(() => {
      const { look, chosen } = this
      return look.value && patternOf(look.value.weights, look.value.tokens, chosen.value)
    })
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
    this.unfollow = effect(() => {
      this.newest = question.value
      this.askNewest(this.newest)
    })
    if (this.text.peek() === '') this.begin()
  }

  /** Of a run without samples, the model writes the first words. */
  async begin() {
    try {
      const body = { ...modelOf(this.run.peek()), ...sampling, text: '', seed: 1 }
      const { tokens } = await post('/api/write', body)
      if (this.text.peek() === '') this.text.value = textOf(tokens).trim()
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
    if (body.text === '') {
      this.look.value = null
      return
    }
    try {
      const answer = await post('/api/attention', { ...body, without: off })
      const before = this.asked
      this.asked = body
      batch(() => {
        this.look.value = { ...answer, off, weights: weightsOf(answer) }
        this.problem.value = null
        if (JSON.stringify(before) !== JSON.stringify(body)) this.losses.value = null
        // Of a text that grows, the newest token.
        if (before?.text !== body.text) this.at.value = answer.tokens.length - 1
      })
      if (answer.layers > 0) this.writeNewest(question)
    } catch (error) {
      this.problem.value = error.message
    }
  }

  /** Lets the model continue the text. */
  async write(question) {
    const { body, off, seed } = question
    const key = JSON.stringify([body, seed])
    try {
      if (this.written !== key) {
        this.written = undefined
        await this.sample(question, [], (all) => {
          this.samples.value = { all, without: null }
        })
        this.written = key
      }
      const { all } = this.samples.peek()
      if (off.length === 0) this.samples.value = { all, without: null }
      else
        await this.sample(question, off, (without) => {
          this.samples.value = { all, without }
        })
    } catch (error) {
      if (error !== outdated) this.problem.value = error.message
    }
  }

  /** Shows a sample while it is being written. Rejects with `outdated` if there is another question. */
  async sample(question, without, show) {
    const { body, seed } = question
    let tokens = []
    for (let part = 0; part < partsOfSample; part++) {
      const text = body.text + tokens.map((token) => token.text).join('')
      const answer = await post('/api/write', { ...body, ...sampling, text, seed, without })
      if (this.isClosed || question !== this.newest) throw outdated
      tokens = [...tokens, ...answer.tokens]
      show(tokens)
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

/** The first words of the newest sample: few enough tokens to see each one. */
function firstWords({ samples, unit }) {
  const text = (samples.at(-1)?.text ?? '').trim()
  const few = text.slice(0, unit === 'token' ? 240 : 64)
  return few.length < text.length ? few.replace(/(\S)\s+\S*$/, '$1') : few
}
