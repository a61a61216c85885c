import { isIP as nodeIsIP } from 'node:net'
import { expect, test } from 'vitest'
import { isIP } from './ip.ts'

test('addresses are known as Node knows them', () => {
  const written = [
    '192.0.2.1 0.0.0.0 255.255.255.255 256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.4/8',
    ':: ::1 1:: fe80::1 2001:db8::8:800:200c:417a 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1::2::3',
    '::ffff:192.0.2.1 64:ff9b::192.0.2.33 1:2:3:4:5:6:192.0.2.1 1:2:3:4:5:6:7:192.0.2.1 192.0.2.1::1 ::192.0.2.1:1',
    '1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1:2:3:4::5:6:7:8 12345::1 g::1 : ::: a',
  ].flatMap((line) => line.split(' '))
  for (const text of ['', ' ', ...written]) expect(isIP(text), text).toBe(nodeIsIP(text))
})
