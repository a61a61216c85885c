import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { yaml } from '@codemirror/lang-yaml'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { linter, type Diagnostic } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { basicSetup } from 'codemirror'
import { parseDocument } from 'yaml'
import type { JsonSchema } from '@thresher/api/kind'
import { pathAbove, suggestionsAt, valuesAt } from './complete.ts'

/** An editor of YAML that is on the page. */
export interface Editor {
  text(): string
  replace(text: string): void
  destroy(): void
}

/** What an editor is made with. */
export interface EditorOptions {
  text: string
  schema?: JsonSchema
  label: string
  readOnly?: boolean
  onChange: (text: string) => void
}

/**
 * Put an editor into an element. It lives in a shadow root: there its styles are sheets that need no `<style>` element, which the page's
 * content security policy refuses.
 */
export function mountEditor(host: HTMLElement, options: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  const parent = document.createElement('div')
  root.append(parent)
  const view = new EditorView({
    parent,
    root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        basicSetup,
        yaml(),
        theme,
        syntaxHighlighting(colours),
        EditorView.contentAttributes.of({ 'aria-label': options.label }),
        EditorState.readOnly.of(options.readOnly ?? false),
        linter(({ state }) => syntaxFaults(state.doc.toString())),
        autocompletion({ override: options.schema ? [(context) => complete(context, options.schema!)] : [] }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString())
        }),
      ],
    }),
  })
  // What is scrolled must be reached by the keyboard as well.
  view.scrollDOM.tabIndex = 0
  return {
    text: () => view.state.doc.toString(),
    replace: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    destroy() {
      view.destroy()
      parent.remove()
    },
  }
}

/** Colours come from the page's own, through custom properties, which reach into the shadow root. */
const theme = EditorView.theme({
  '&': {
    color: 'var(--pf-t--global--text--color--regular)',
    backgroundColor: 'var(--pf-t--global--background--color--primary--default)',
    fontSize: '0.875rem',
    height: '100%',
  },
  '.cm-content': { fontFamily: 'var(--pf-t--global--font--family--mono)', caretColor: 'currentcolor' },
  '.cm-gutters': {
    backgroundColor: 'var(--pf-t--global--background--color--secondary--default)',
    color: 'var(--pf-t--global--text--color--subtle)',
    border: 'none',
  },
  '.cm-activeLine, .cm-activeLineGutter': {
    backgroundColor: 'var(--pf-t--global--background--color--secondary--default)',
  },
  '.cm-cursor': { borderLeftColor: 'currentcolor' },
  '&.cm-focused': { outline: '2px solid var(--pf-t--global--border--color--clicked)' },
  '.cm-scroller': {
    overflow: 'auto',
    backgroundColor: 'var(--pf-t--global--background--color--primary--default)',
  },
  '.cm-content, .cm-line': { backgroundColor: 'inherit' },
  '.cm-tooltip': {
    backgroundColor: 'var(--pf-t--global--background--color--floating--default)',
    color: 'inherit',
    border: '1px solid var(--pf-t--global--border--color--default)',
  },
})

/** Colours that can be read on light and dark, from the style sheet. */
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--th-name)' },
  { tag: [tags.string, tags.content], color: 'inherit' },
  { tag: tags.quote, color: 'var(--th-string)' },
  { tag: tags.comment, color: 'var(--pf-t--global--text--color--subtle)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.keyword, tags.punctuation, tags.separator], color: 'inherit' },
])

function syntaxFaults(text: string): Diagnostic[] {
  return parseDocument(text).errors.map(({ message, pos: [from, to] }) => ({
    from: Math.min(from, text.length),
    to: Math.min(to, text.length),
    severity: 'error',
    message: message.split('\n')[0] ?? message,
  }))
}

function complete(context: CompletionContext, schema: JsonSchema): CompletionResult | null {
  const { state, pos } = context
  const line = state.doc.lineAt(pos)
  const before = line.text.slice(0, pos - line.from)
  const above = [...state.doc.iterLines(1, line.number), before]
  const path = pathAbove(above)
  const value = /^[\s-]*([\w./-]+):\s+(\w*)$/.exec(before)
  if (value) {
    const values = valuesAt(schema, path, value[1]!)
    return values.length > 0
      ? { from: pos - value[2]!.length, options: values.map((label) => ({ label, type: 'enum' })) }
      : null
  }
  const name = /^[\s-]*([\w./-]*)$/.exec(before)
  if (!name || (name[1] === '' && !context.explicit)) return null
  return {
    from: pos - name[1]!.length,
    options: suggestionsAt(schema, path).map(({ name: label, type, about }) => ({
      label,
      type: 'property',
      detail: type,
      info: about,
      apply: type === 'object' || type === 'array' ? `${label}:\n` : `${label}: `,
    })),
    validFor: /^[\w./-]*$/,
  }
}
