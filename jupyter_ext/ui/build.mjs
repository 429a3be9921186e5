/**
 * Builds the front end: the notebook widget as one module and one style sheet, with the licences of what is in them, and
 * the plugin of JupyterLab and Notebook 7.
 * With --dev also the page for working on the view without a server, served on a local port.
 */

import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, context } from "esbuild";

const STATIC = "../../whisperer_kernel/notebook/static";

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  // Model output and fonts of scripts in any language pass through; nothing here depends on the page's charset.
  charset: "utf8",
  logLevel: "info",
};

if (process.argv.includes("--dev")) await serve();
else {
  await buildWidget();
  await buildPlugin();
}

async function buildWidget() {
  const { metafile } = await build({
    ...common,
    entryPoints: { widget: "src/widget.ts", "widget-style": "src/view/style.css" },
    outdir: "build/widget",
    minify: true,
    metafile: true,
    legalComments: "none",
  });
  const script = await readFile("build/widget/widget.js");
  const style = await readFile("build/widget/widget-style.css");
  await Promise.all([
    put("widget.js", script),
    put("widget.css", style),
    put("widget.licenses.txt", await licenses(metafile)),
  ]);
}

/**
 * JupyterLab's own packages come from JupyterLab; its builder makes the rest into what it loads. Its hint at the size of
 * what is loaded is for pages on the web (`lab/webpack.config.json`).
 */
async function buildPlugin() {
  await build({
    ...common,
    entryPoints: { plugin: "src/lab/plugin.ts" },
    outdir: "build/lab",
    // The chat's own widgets bring the style sheet with them; the plugin must put it into the page itself.
    loader: { ".css": "text" },
    minify: true,
    external: ["@jupyterlab/*", "@lumino/*"],
  });
  const builder = spawn(
    process.execPath,
    [
      "node_modules/@jupyter/builder/lib/build-labextension.js",
      ...["--core-package-file", "node_modules/@jupyterlab/core-meta/core.package.json"],
      "lab",
    ],
    { stdio: "inherit" },
  );
  const code = await new Promise((resolve) => builder.on("close", resolve));
  if (code !== 0) throw new Error(`jupyter-builder ended with ${code}`);
}

async function put(name, content) {
  await mkdir(STATIC, { recursive: true });
  await writeFile(`${STATIC}/${name}`, content);
  const kilobytes = (size) => `${(size / 1024).toFixed(1)} KB`;
  console.log(`${name}: ${kilobytes(content.length)}, ${kilobytes(gzipSync(content).length)} gzip`);
}

/** The licence of every package whose code went into the bundle. */
async function licenses({ inputs }) {
  const packages = new Set();
  for (const path of Object.keys(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (name) packages.add(name);
  }
  const texts = [...packages].sort().map(async (name) => {
    const { version, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
    return `${name} ${version} (${license})\n\n${await licenseText(name)}`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseText(name) {
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt"]) {
    const text = await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => null);
    if (text !== null) return text;
  }
  throw new Error(`${name} comes without its licence`);
}

async function serve() {
  const dev = await context({
    ...common,
    entryPoints: { dev: "dev/main.ts", style: "src/view/style.css" },
    outdir: "dev/build",
    sourcemap: true,
  });
  const { port } = await dev.serve({ servedir: "dev", host: "127.0.0.1" });
  console.log(`http://127.0.0.1:${port}/`);
}
