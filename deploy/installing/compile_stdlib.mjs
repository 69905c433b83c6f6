// Compile Pyodide's standard library, which comes as source, so that a page need not at every start.
//   node compile_stdlib.mjs FOLDER_OF_PYODIDE
// The archive is replaced as a whole. Docstrings and assertions are left out: nobody reads them in a page.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const folder = path.resolve(process.argv[2]);
const archive = path.join(folder, "python_stdlib.zip");
const { loadPyodide } = await import(pathToFileURL(path.join(folder, "pyodide.mjs")));
const pyodide = await loadPyodide();

pyodide.FS.writeFile("/source.zip", fs.readFileSync(archive));
pyodide.runPython(`
import importlib._bootstrap_external
import importlib.util
import zipfile

with zipfile.ZipFile("/source.zip") as source, zipfile.ZipFile("/compiled.zip", "w") as compiled:
    for entry in source.infolist():
        data, name = source.read(entry), entry.filename
        if name.endswith(".py"):
            code = compile(data, name, "exec", dont_inherit=True, optimize=2)
            hashed = importlib.util.source_hash(data)
            data = importlib._bootstrap_external._code_to_hash_pyc(code, hashed, False)
            name += "c"
        target = zipfile.ZipInfo(name, entry.date_time)
        compiled.writestr(target, data, zipfile.ZIP_DEFLATED)
`);
fs.writeFileSync(`${archive}.partial`, pyodide.FS.readFile("/compiled.zip"));
fs.renameSync(`${archive}.partial`, archive);
