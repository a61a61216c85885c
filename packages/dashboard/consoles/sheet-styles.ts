/**
 * A document whose `<style>` elements are style sheets made by script: the page's content security policy refuses text in such elements,
 * and xterm.js writes its colours and sizes that way. All else is the page's own document.
 */
export function documentWithSheets(page: Document): Document {
  return new Proxy(page, {
    get(target, name) {
      if (name === 'createElement')
        return (tag: string) => (tag === 'style' ? styleElement(target) : styledByScript(target.createElement(tag)))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value
    },
  })
}

/** Run what makes `<style>` elements with the page's own document, as xterm.js does for its scroll bar whatever document it is given. */
export function withSheets(page: Document, run: () => void): void {
  const create = page.createElement.bind(page)
  page.createElement = ((tag: string) => (tag === 'style' ? styleElement(page, create) : create(tag))) as typeof create
  try {
    run()
  } finally {
    Reflect.deleteProperty(page, 'createElement')
  }
}

/** An element whose style attribute, when it is set, is set as script sets styles, which the policy lets pass. */
function styledByScript(element: HTMLElement): HTMLElement {
  const setAttribute = element.setAttribute.bind(element)
  element.setAttribute = (name, value) => {
    if (name === 'style') element.style.cssText = value
    else setAttribute(name, value)
  }
  return element
}

/** An element that stands in for a `<style>`: it hands its text to a sheet of the document and takes the sheet away with itself. */
function styleElement(page: Document, create = page.createElement.bind(page)): HTMLElement {
  const element = create('template')
  const sheet = new CSSStyleSheet()
  page.adoptedStyleSheets = [...page.adoptedStyleSheets, sheet]
  Object.defineProperty(element, 'textContent', {
    get: () => [...sheet.cssRules].map(({ cssText }) => cssText).join('\n'),
    set(text: string) {
      sheet.replaceSync(text)
    },
  })
  const remove = element.remove.bind(element)
  element.remove = () => {
    page.adoptedStyleSheets = page.adoptedStyleSheets.filter((one) => one !== sheet)
    remove()
  }
  return element
}
