// Starts `sysidc lsp` and hands it the specs that are open.
"use strict";

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

const MISSING = "The command `{0}` could not be started. Install it with: pip install \"sysidc[lsp]\"";

/** @type {LanguageClient | undefined} */
let client;

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("sysidc.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("sysidc.path")) {
        return restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(start)
  );
  await start();
}

async function start() {
  if (client || !vscode.workspace.isTrusted) {
    return;
  }
  const command = commandOfServer();
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("sysidc", "sysidc", server, {
    documentSelector: [{ scheme: "file", language: "sysid" }, { scheme: "untitled", language: "sysid" }],
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    await offerSettings(command);
  }
}

async function restart() {
  await deactivate();
  await start();
}

async function deactivate() {
  const running = client;
  client = undefined;
  if (running) {
    await running.stop();
  }
}

/** The setting, with the folder of the workspace put in. */
function commandOfServer() {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const setting = vscode.workspace.getConfiguration("sysidc").get("path") || "sysidc";
  return setting.replace("${workspaceFolder}", folder);
}

async function offerSettings(command) {
  const open = "Open the setting";
  const chosen = await vscode.window.showErrorMessage(MISSING.replace("{0}", command), open);
  if (chosen === open) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "sysidc.path");
  }
}

module.exports = { activate, deactivate };
