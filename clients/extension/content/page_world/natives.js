// The page's own functions as they were before any script of the page ran, and a way to stand in front of them.

const call = Function.prototype.call;
const uncurry = (method) => call.bind(method);
const encoder = new TextEncoder();
const getter = (object, name) => uncurry(Object.getOwnPropertyDescriptor(object, name).get);

export const native = {
  addListener: uncurry(EventTarget.prototype.addEventListener),
  dispatch: uncurry(EventTarget.prototype.dispatchEvent),
  path: uncurry(Event.prototype.composedPath),
  stop: uncurry(Event.prototype.stopImmediatePropagation),
  prevent: uncurry(Event.prototype.preventDefault),
  relatedTarget: getter(MouseEvent.prototype, "relatedTarget"),
  rootNode: uncurry(Node.prototype.getRootNode),
  files: getter(HTMLInputElement.prototype, "files"),
  setFiles: uncurry(Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "files").set),
  inputType: getter(HTMLInputElement.prototype, "type"),
  isMultiple: getter(HTMLInputElement.prototype, "multiple"),
  formElements: getter(HTMLFormElement.prototype, "elements"),
  formAction: getter(HTMLFormElement.prototype, "action"),
  formMethod: getter(HTMLFormElement.prototype, "method"),
  submit: uncurry(HTMLFormElement.prototype.submit),
  requestSubmit: uncurry(HTMLFormElement.prototype.requestSubmit),
  slice: uncurry(Blob.prototype.slice),
  buffer: uncurry(Blob.prototype.arrayBuffer),
  size: getter(Blob.prototype, "size"),
  blobType: getter(Blob.prototype, "type"),
  encode: TextEncoder.prototype.encode.bind(encoder),
  formAppend: uncurry(FormData.prototype.append),
  formEntries: uncurry(FormData.prototype.entries),
  postToPort: uncurry(MessagePort.prototype.postMessage),
  startPort: uncurry(MessagePort.prototype.start),
  wait: setTimeout.bind(globalThis),
  MessageChannel,
  Blob,
  File,
  FormData,
  DataTransfer,
  Request,
  DOMException,
};

const onWindow = [];

/** Listens at the window, before every listener of the page. */
export function listenAtWindow(type, listener) {
  onWindow.push([type, listener]);
  native.addListener(window, type, listener, { capture: true });
}

/** document.open(), which write() calls too, takes all listeners off the window: ours are put back, and onOpened is called. */
export function surviveOpening(onOpened) {
  for (const name of ["open", "write", "writeln"]) {
    hook(Document.prototype, name, (work, self, args) => {
      const wasLoading = self.readyState === "loading"; // then it only writes on
      const result = work(...args);
      for (const [type, listener] of onWindow) native.addListener(window, type, listener, { capture: true });
      if (!wasLoading) onOpened();
      return result;
    });
  }
}

/**
 * Puts handler(original, self, args) in front of a method. The method keeps its name, its length and its text, so that a
 * page that looks sees what it expects.
 */
export function hook(object, name, handler) {
  const original = object?.[name];
  if (typeof original !== "function") return;
  const front = new Proxy(original, {
    apply: (target, self, args) => handler((...given) => Reflect.apply(target, self, given), self, args),
  });
  redefine(object, name, { value: front });
}

/** Puts handler(original, self) in front of a getter. */
export function hookGetter(object, name, handler) {
  const { get } = Object.getOwnPropertyDescriptor(object, name) ?? {};
  if (!get) return;
  const front = new Proxy(get, { apply: (target, self) => handler(() => Reflect.apply(target, self, []), self) });
  redefine(object, name, { get: front });
}

/** Puts handler(construct, args) in front of a constructor; construct(...args) makes the object. */
export function hookConstructor(name, handler) {
  const original = globalThis[name];
  if (typeof original !== "function") return;
  const front = new Proxy(original, {
    construct: (target, args, newTarget) =>
      handler((...given) => Reflect.construct(target, given, newTarget === front ? target : newTarget), args),
  });
  redefine(original.prototype, "constructor", { value: front });
  redefine(globalThis, name, { value: front });
}

function redefine(object, name, part) {
  Object.defineProperty(object, name, { ...Object.getOwnPropertyDescriptor(object, name), ...part });
}
