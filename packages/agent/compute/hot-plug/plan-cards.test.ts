import { describe, expect, it } from 'vitest'
import { planCards, type CardFacts, type WantedCard } from './plan-cards.ts'

const nic = { name: 'lan', port: 'default/web/lan', mac: '52:54:00:00:00:02' }
const lan: WantedCard = { name: 'lan', device: 'net-lan', up: true, nic }
const attached = { name: 'lan', device: 'net-lan', mac: nic.mac, ifname: 'thr1' }
const there = { held: ['lan'], devices: new Set(['net-lan']), cards: [attached] }

const rows: [string, Partial<CardFacts>, string[]][] = [
  ['nothing is wanted', {}, []],
  ['a card is wanted', { wanted: [lan] }, ['attach lan']],
  ['its network is not known yet', { wanted: [{ ...lan, nic: undefined }] }, []],
  ['its tap is held but the card is not there', { wanted: [lan], held: ['lan'] }, ['attach lan']],
  ['it is there but not written down', { ...there, cards: [], wanted: [lan] }, ['record lan']],
  ['all is as wanted', { ...there, wanted: [lan] }, []],
  ['its cable is to be out', { ...there, wanted: [{ ...lan, up: false }] }, ['link lan']],
  ['its cable is out', { ...there, wanted: [{ ...lan, up: false }], links: new Map([['net-lan', false]]) }, []],
  ['its cable is to be in again', { ...there, wanted: [lan], links: new Map([['net-lan', false]]) }, ['link lan']],
  ['it is wanted no more', there, ['detach lan']],
  ['the guest has let go of it', { ...there, devices: new Set() }, ['close lan']],
  ['its tap alone is held', { held: ['lan'] }, ['close lan']],
]

describe('the next step of each network card', () => {
  for (const [when, change, steps] of rows)
    it(`when ${when}: ${steps.join(', ') || 'none'}`, () => {
      const facts = {
        wanted: [],
        cards: [],
        held: [],
        devices: new Set<string>(),
        links: new Map<string, boolean>(),
        ...change,
      }
      const taken = planCards(facts).map((step) => `${step.do} ${'card' in step ? step.card.name : step.name}`)
      expect(taken).toEqual(steps)
    })
})
