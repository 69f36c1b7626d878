"""An editor as the server sees one: a process on the other side of two pipes, and documents that are typed into."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

Answer = TypeVar("Answer")
PATIENCE = 30.0
LINE_LENGTH = 2**24
LATE_ANSWER = "No more requests"
"""What pygls says of an answer to a question that the server asked right before it was shut down."""


class Editor:
    """Opens documents, types, asks. Positions are given as the text that the cursor stands behind."""

    def __init__(self, folder: Path, encodings: tuple[types.PositionEncodingKind, ...] = ()):
        self.loop = asyncio.new_event_loop()
        self.client = LanguageClient("test editor", "1")
        self.told: dict[str, types.PublishDiagnosticsParams] = {}
        self.refreshed = 0
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._hear(params))
        self.client.feature(types.WORKSPACE_INLAY_HINT_REFRESH)(lambda params: self._refresh())
        self.client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: None)
        self.started = self.run(self._start(folder, encodings))

    async def _start(self, folder: Path, encodings: tuple[types.PositionEncodingKind, ...]) -> types.InitializeResult:
        await self.client.start_io(sys.executable, "-m", "sysidc", "lsp", "--stdio", limit=LINE_LENGTH)
        item = types.ClientCompletionItemOptions(snippet_support=True)
        capabilities = types.ClientCapabilities(
            general=types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None,
            workspace=types.WorkspaceClientCapabilities(
                inlay_hint=types.InlayHintWorkspaceClientCapabilities(refresh_support=True),
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
            ),
            text_document=types.TextDocumentClientCapabilities(
                completion=types.CompletionClientCapabilities(completion_item=item)
            ),
        )
        folders = [types.WorkspaceFolder(folder.as_uri(), folder.name)]
        params = types.InitializeParams(capabilities=capabilities, workspace_folders=folders, root_uri=folder.as_uri())
        result = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return result

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Hear what the server says until the condition holds."""

        async def held() -> None:
            while not condition():
                await asyncio.sleep(0.01)

        self.run(held())

    def end(self) -> tuple[int, str]:
        """Shut the server down: its exit code, and what it wrote to stderr."""
        ended = self.run(self._end())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        return ended

    async def _end(self) -> tuple[int, str]:
        server = self.client._server
        assert server is not None and server.stderr is not None
        await self.client.shutdown_async(None)
        self.client.exit(None)
        code = await server.wait()
        lines = (await server.stderr.read()).decode().splitlines(keepends=True)
        await self.client.stop()  # type: ignore[no-untyped-call]
        return code, "".join(line for line in lines if LATE_ANSWER not in line)

    # --- documents ---------------------------------------------------------------------------------------------

    def open(self, uri: str, text: str) -> None:
        self.versions[uri], self.texts[uri] = 1, text
        document = types.TextDocumentItem(uri, "sysid", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def type(self, uri: str, text: str) -> None:
        """Give the document a new text."""
        self.versions[uri] += 1
        self.texts[uri] = text
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        change = types.TextDocumentContentChangeWholeDocument(text=text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def close(self, uri: str) -> None:
        identifier = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
        del self.versions[uri]

    def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What the server tells about the version of now."""
        return self.run(self._diagnostics(uri))

    async def _diagnostics(self, uri: str) -> list[types.Diagnostic]:
        while uri not in self.told or self.told[uri].version != self.versions.get(uri):
            await asyncio.sleep(0.01)
        return list(self.told[uri].diagnostics)

    def _hear(self, params: types.PublishDiagnosticsParams) -> None:
        self.told[params.uri] = params

    def _refresh(self) -> None:
        self.refreshed += 1

    # --- positions ---------------------------------------------------------------------------------------------

    def behind(self, uri: str, words: str) -> types.Position:
        """Behind the first place where `words` stand; `|` in them is the cursor. Counts UTF-16 units."""
        text = self.texts[uri]
        bare = words.replace("|", "")
        before = text[: text.index(bare) + (words.index("|") if "|" in words else len(bare))]
        line = before.rpartition("\n")[2]
        return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)

    def marked(self, uri: str, range: types.Range) -> str:
        """The characters of a range of one line."""
        line = self.texts[uri].split("\n")[range.start.line].encode("utf-16-le")
        return line[2 * range.start.character : 2 * range.end.character].decode("utf-16-le")

    # --- questions ---------------------------------------------------------------------------------------------

    def complete(self, uri: str, words: str) -> dict[str, types.CompletionItem]:
        params = types.CompletionParams(types.TextDocumentIdentifier(uri), self.behind(uri, words))
        found = self.run(self.client.text_document_completion_async(params))
        items = found.items if isinstance(found, types.CompletionList) else found or []
        return {item.label: item for item in items}

    def hover(self, uri: str, words: str) -> str:
        params = types.HoverParams(types.TextDocumentIdentifier(uri), self.behind(uri, words))
        found: Any = self.run(self.client.text_document_hover_async(params))
        return found.contents.value if found else ""

    def define(self, uri: str, words: str) -> list[types.Location]:
        params = types.DefinitionParams(types.TextDocumentIdentifier(uri), self.behind(uri, words))
        found: Any = self.run(self.client.text_document_definition_async(params))
        return list(found)

    def refer(self, uri: str, words: str) -> list[types.Location]:
        context = types.ReferenceContext(include_declaration=True)
        params = types.ReferenceParams(context, types.TextDocumentIdentifier(uri), self.behind(uri, words))
        found: Any = self.run(self.client.text_document_references_async(params))
        return list(found or [])

    def rename(self, uri: str, words: str, name: str) -> dict[str, str]:
        """The texts of all files that a rename changes."""
        params = types.RenameParams(types.TextDocumentIdentifier(uri), self.behind(uri, words), name)
        edit = self.run(self.client.text_document_rename_async(params))
        changes = edit.changes if edit and edit.changes else {}
        return {changed: self.edited(changed, list(edits)) for changed, edits in changes.items()}

    def actions(self, uri: str, only: list[str] | None = None) -> list[types.CodeAction]:
        """All actions of a document."""
        whole = types.Range(types.Position(0, 0), types.Position(len(self.texts[uri]), 0))
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), whole, types.CodeActionContext([], only=only)
        )
        found = self.run(self.client.text_document_code_action_async(params)) or []
        return [action for action in found if isinstance(action, types.CodeAction)]

    def hints(self, uri: str) -> list[tuple[int, str]]:
        """(line from 0, label) of the inlay hints."""
        whole = types.Range(types.Position(0, 0), types.Position(len(self.texts[uri]), 0))
        params = types.InlayHintParams(types.TextDocumentIdentifier(uri), whole)
        found = self.run(self.client.text_document_inlay_hint_async(params)) or []
        return [(hint.position.line, str(hint.label)) for hint in found]

    def formatted(self, uri: str) -> str:
        options = types.FormattingOptions(2, True)
        params = types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), options)
        found: Any = self.run(self.client.text_document_formatting_async(params))
        return self.edited(uri, list(found or []))

    def symbols(self, uri: str) -> list[types.DocumentSymbol]:
        params = types.DocumentSymbolParams(types.TextDocumentIdentifier(uri))
        found = self.run(self.client.text_document_document_symbol_async(params)) or []
        return [symbol for symbol in found if isinstance(symbol, types.DocumentSymbol)]

    def folds(self, uri: str) -> list[types.FoldingRange]:
        params = types.FoldingRangeParams(types.TextDocumentIdentifier(uri))
        found: Any = self.run(self.client.text_document_folding_range_async(params))
        return list(found or [])

    def colours(self, uri: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """(text, type, modifiers) of the semantic tokens."""
        params = types.SemanticTokensParams(types.TextDocumentIdentifier(uri))
        found = self.run(self.client.text_document_semantic_tokens_full_async(params))
        provider: Any = self.started.capabilities.semantic_tokens_provider
        line = column = 0
        tokens = []
        data = list(found.data) if found else []
        for moved, start, length, kind, bits in zip(*(data[place::5] for place in range(5)), strict=True):
            line, column = line + moved, start if moved else column + start
            place = types.Range(types.Position(line, column), types.Position(line, column + length))
            modifiers = [name for bit, name in enumerate(provider.legend.token_modifiers) if bits >> bit & 1]
            tokens.append((self.marked(uri, place), provider.legend.token_types[kind], tuple(modifiers)))
        return tokens

    def edited(self, uri: str, edits: list[Any]) -> str:
        """The text after edits, of an open document or of a file."""
        text = self.texts.get(uri) or Path(uri.removeprefix("file://")).read_text(encoding="utf-8")
        starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]

        def offset(position: types.Position) -> int:
            if position.line >= len(starts):
                return len(text)
            rest = text[starts[position.line] :].encode("utf-16-le")
            return starts[position.line] + len(rest[: 2 * position.character].decode("utf-16-le"))

        for edit in sorted(edits, key=lambda edit: offset(edit.range.start), reverse=True):
            text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
        return text
