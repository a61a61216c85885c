import { expect, test } from 'vitest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { pathAbove, suggestionsAt, valuesAt } from './complete.ts'

const text = `apiVersion: kubevirt.io/v1
spec:
  runStrategy: Always
  template:
    spec:
      domain:
        devices:
          disks:
            - name: root
              disk:
                bus: virtio
      networks:
        - name: default
          `

test('the place in a text is known by its indentation', () => {
  const upTo = (line: string) => pathAbove(text.split('\n').slice(0, text.split('\n').indexOf(line)).concat(line))
  expect(upTo('  runStrategy: Always')).toEqual(['spec'])
  expect(upTo('        devices:')).toEqual(['spec', 'template', 'spec', 'domain'])
  expect(pathAbove(text.split('\n'))).toEqual(['spec', 'template', 'spec', 'networks', '[]'])
  expect(pathAbove(['spec:', '  '])).toEqual(['spec'])
  expect(pathAbove(['spec:', ''])).toEqual([])
})

test('names and values come from the kind’s schema', () => {
  const names = (path: string[]) => suggestionsAt(VirtualMachine.schema, path).map(({ name }) => name)
  expect(names([])).toContain('spec')
  expect(names(['spec', 'template', 'spec', 'domain'])).toContain('devices')
  expect(names(['spec', 'template', 'spec', 'domain', 'devices', 'disks', '[]'])).toContain('bootOrder')
  expect(names(['spec', 'nothing'])).toEqual([])
  expect(valuesAt(VirtualMachine.schema, ['spec'], 'running')).toEqual(['true', 'false'])
})
