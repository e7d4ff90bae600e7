// A closed shadow root of the extension's own in the page: the page can neither read nor press what is in it.

const STYLE = `
  :host { all: initial !important; }
  * { box-sizing: border-box; font: 15px/1.5 system-ui, sans-serif; }
  dialog, section { color: #1c1b1f; background: #fff; border: 1px solid #79747e; border-radius: 12px; box-shadow: 0 8px 32px #0006; }
  dialog { max-width: min(34rem, calc(100vw - 2rem)); padding: 1.25rem 1.5rem; }
  dialog::backdrop { background: #0008; }
  section { position: fixed; inset: auto 1rem 1rem auto; margin: 0; padding: .75rem 1rem; max-width: 24rem; }
  h2 { font-size: 1.2rem; font-weight: 650; margin: 0 0 .5rem; }
  p, ul { margin: .5rem 0; overflow-wrap: anywhere; }
  ul { padding-left: 1.25rem; max-height: 9rem; overflow: auto; }
  .small { font-size: .85em; color: #49454f; }
  menu { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0 0; padding: 0; justify-content: flex-end; }
  button { padding: .5rem .9rem; border: 1px solid #79747e; border-radius: 8px; background: #fff; color: #1c1b1f; cursor: pointer; }
  button.main { background: #1b6e4a; border-color: #1b6e4a; color: #fff; }
  button.risky { border-color: #b3261e; color: #b3261e; }
  button:focus-visible { outline: 3px solid #5b8def; outline-offset: 2px; }
  @media (max-width: 340px), (max-height: 240px) {
    * { font-size: 12px; line-height: 1.35; }
    dialog { width: 100%; max-width: none; max-height: 100%; padding: .4rem .5rem; border-radius: 0; overflow: auto; }
    section { inset: auto 0 0 auto; max-width: 100vw; max-height: 100vh; padding: .3rem .5rem; overflow: auto; }
    h2 { font-size: 14px; margin: 0; }
    p, ul { margin: .2rem 0; max-height: none; }
    menu { margin-top: .4rem; gap: .4rem; }
    button { padding: .15rem .5rem; }
  }
  @media (prefers-color-scheme: dark) {
    dialog, section, button { color: #e6e1e5; background: #26252b; }
    .small { color: #cac4d0; }
    button.risky { color: #f2b8b5; border-color: #f2b8b5; }
    button.main { background: #7fd6a8; border-color: #7fd6a8; color: #00391f; }
  }`;

const hosts = new WeakSet();
/** Whether an element is the host of a shade. */
export const isShade = (element) => hosts.has(element);

/** An element of that name with attributes, text and children. */
export function make(name, { text = "", ...attributes } = {}, children = []) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(text, ...children);
  return element;
}

/** Shows content in a shade of its own. Returns the function that takes it away. */
export function shade(content) {
  const host = document.createElement("srae-shade");
  hosts.add(host);
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  try {
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(make("style", { text: STYLE })); // Firefox: the sheet is of another world
  }
  root.append(content);
  (document.documentElement ?? document).append(host);
  return () => host.remove();
}
