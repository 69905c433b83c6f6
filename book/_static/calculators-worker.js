// The course's own Python, in a thread of its own: asked {id, question}, it answers {id, answer} or {id, failure}.
const bundle = new URL(self.location.href).searchParams.get("bundle");

async function start() {
  if (!/^calculators-[0-9a-f]+\.zip$/.test(bundle)) throw new Error("the archive of the calculators has no name");
  const archive = fetch(new URL(bundle, self.location.href));
  const { loadPyodide } = await import("./vendor/pyodide/pyodide.mjs");
  const pyodide = await loadPyodide();
  const answer = await archive;
  if (!answer.ok) throw new Error(`${bundle}: ${answer.status} ${answer.statusText}`);
  pyodide.unpackArchive(await answer.arrayBuffer(), "zip", { extractDir: "/course" });
  return pyodide.runPython("import sys; sys.path.insert(0, '/course'); from forms.every import ask; ask");
}

// Pyodide waits for ever where its WebAssembly did not arrive, but says so as an error of the thread.
const broken = new Promise((_, reject) => {
  self.addEventListener("unhandledrejection", ({ reason }) => reject(reason));
});
const ready = Promise.race([start(), broken]);

self.onmessage = async ({ data: { id, question } }) => {
  try {
    const ask = await ready;
    self.postMessage({ id, answer: ask(question) });
  } catch (error) {
    self.postMessage({ id, failure: String(error.message ?? error) });
  }
};
