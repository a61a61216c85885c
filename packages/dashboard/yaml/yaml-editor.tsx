import { useEffect, useRef } from 'react'
import type { JsonSchema } from '@thresher/api/kind'
import { mountEditor, type Editor } from './editor.ts'

/** An editor of YAML. What is typed comes by `onChange`; a `text` from outside that differs takes its place. */
export function YamlEditor(props: {
  text: string
  schema?: JsonSchema
  label: string
  readOnly?: boolean
  onChange: (text: string) => void
}) {
  const { text, schema, label, readOnly, onChange } = props
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<Editor>(undefined)
  const first = useRef(text)
  const report = useRef(onChange)
  useEffect(() => {
    report.current = onChange
  }, [onChange])
  useEffect(() => {
    if (!host.current) return
    const made = mountEditor(host.current, {
      text: first.current,
      schema,
      label,
      readOnly,
      onChange: (next) => report.current(next),
    })
    editor.current = made
    return () => {
      first.current = made.text()
      made.destroy()
    }
  }, [schema, label, readOnly])
  useEffect(() => {
    if (editor.current && editor.current.text() !== text) editor.current.replace(text)
  }, [text])
  return <div className="th-editor" ref={host} />
}
