"""The server: requests of the protocol in, answers of the modules beside this one out. Diagnostics follow a pause."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, TypeAlias

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from sysidc.compiler.catalogue.installed import rows
from sysidc.runtime.lsp import coloring, fixes, formatting, hover, outline, renaming
from sysidc.runtime.lsp.analysis import Analyst
from sysidc.runtime.lsp.completion import items
from sysidc.runtime.lsp.documents import Documents, Text, path_of
from sysidc.runtime.lsp.findings import told
from sysidc.runtime.lsp.hints import hints
from sysidc.runtime.lsp.names import Mention, definition, references

PAUSE = 0.2
"""Seconds without a keystroke after which a text is compiled."""

Asked: TypeAlias = types.DefinitionParams | types.ReferenceParams | types.DocumentHighlightParams
"""Requests about the word at a position."""

TRIGGERS = ("@", "(", ",", "=", " ", '"', "/", ":")
WATCHED = "**/*.sysid"


class Refusal(JsonRpcException):
    """An answer that is a sentence for the user."""

    CODE = -32803
    MESSAGE = "Request failed"


def _is_news(record: logging.LogRecord) -> bool:
    """A refusal is an answer and no entry for the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], Refusal))


class SpecServer(LanguageServer):
    """The open documents of one editor."""

    def __init__(self, version: str):
        super().__init__("sysidc", version, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents = Documents()
        self.analyst = Analyst(self.documents)
        self.waiting: dict[str, asyncio.TimerHandle] = {}
        self.told: dict[str, dict[str, list[types.Diagnostic]]] = {}

    def text(self, uri: str) -> Text | None:
        return self.documents.text(uri)

    # --- diagnostics -------------------------------------------------------------------------------------------

    def check_soon(self, uri: str) -> None:
        """Check a document and those that use it once nothing was typed for a while."""
        self._cancel(uri)
        self.waiting[uri] = asyncio.get_running_loop().call_later(PAUSE, self.check_all, uri)

    def check_all(self, uri: str | None = None) -> None:
        """Check the open documents that depend on `uri`, all of them without it."""
        if uri is not None:
            self._cancel(uri)
        for text in self.documents.opened:
            if uri is None or any(part.uri == uri for part in self.documents.closure(text)):
                self._check(text)
        self._refresh()

    def close(self, uri: str) -> None:
        self._cancel(uri)
        self.documents.close(uri)
        self.analyst.forget(uri)
        self._publish(self.told.pop(uri, {}))
        self.check_all()

    def _check(self, text: Text) -> None:
        found = told(self.analyst.analyse(text), self.documents)
        before = self.told.get(text.uri, {})
        self.told[text.uri] = found
        self._publish({**before, **found})

    def _publish(self, uris: Iterable[str]) -> None:
        """Tell what is known about files: what several specs find in a library is told once."""
        for uri in uris:
            found = [diagnostic for root in self.told.values() for diagnostic in root.get(uri, [])]
            once = {(str(entry.range), entry.code, entry.message): entry for entry in found}
            text = next((text for text in self.documents.opened if text.uri == uri), None)
            version = text.version if text else None
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(uri, list(once.values()), version=version)
            )

    def _refresh(self) -> None:
        """Shapes may have changed behind layers that were not edited."""
        workspace = self.client_capabilities.workspace
        hint = workspace.inlay_hint if workspace else None
        if hint is not None and hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)

    def _cancel(self, uri: str) -> None:
        timer = self.waiting.pop(uri, None)
        if timer is not None:
            timer.cancel()


def make_server(version: str) -> SpecServer:
    """A server that waits to be started."""
    server = SpecServer(version)
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_news)
    _follow_documents(server)
    _answer_about_words(server)
    _answer_about_names(server)
    _answer_about_texts(server)
    return server


# --- documents ---------------------------------------------------------------------------------------------------


def _follow_documents(server: SpecServer) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        rows()  # reading what is installed takes longer than a keystroke may wait
        server.documents.encoding = types.PositionEncodingKind(server.workspace.position_encoding)
        folders = (path_of(folder.uri) for folder in server.workspace.folders.values())
        server.documents.folders = [folder for folder in folders if folder is not None]
        _watch(server)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.documents.open(document.uri, document.text, document.version)
        server.check_all(document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        server.documents.open(document.uri, server.workspace.get_text_document(document.uri).source, document.version)
        server.check_soon(document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.close(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        server.check_all()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def moved(params: types.DidChangeWorkspaceFoldersParams) -> None:
        folders = (path_of(folder.uri) for folder in server.workspace.folders.values())
        server.documents.folders = [folder for folder in folders if folder is not None]


def _watch(server: SpecServer) -> None:
    """Ask to be told of specs that change outside of the editor."""
    workspace = server.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace else None
    if watching is None or not watching.dynamic_registration:
        return
    options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(WATCHED)])
    registration = types.Registration("specs", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    server.client_register_capability(types.RegistrationParams([registration]))


# --- one word ----------------------------------------------------------------------------------------------------


def _answer_about_words(server: SpecServer) -> None:
    documents = server.documents

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=list(TRIGGERS), resolve_provider=True),
    )
    def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        text = server.text(params.text_document.uri)
        return items.complete(documents, text, params.position, _takes_snippets(server)) if text else []

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolve(item: types.CompletionItem) -> types.CompletionItem:
        return items.resolve(item)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def tell(params: types.HoverParams) -> types.Hover | None:
        text = server.text(params.text_document.uri)
        if text is None:
            return None
        if server.analyst.shapes(text) is None:
            server.analyst.analyse(text)
        return hover.hover(documents, text, text.lines.offset(params.position), server.analyst.shapes(text))


def _takes_snippets(server: SpecServer) -> bool:
    document: Any = server.client_capabilities.text_document
    completion_item = document.completion.completion_item if document and document.completion else None
    return bool(completion_item and completion_item.snippet_support)


# --- a name that is used in several places -----------------------------------------------------------------------


def _answer_about_names(server: SpecServer) -> None:
    documents = server.documents

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def define(params: types.DefinitionParams) -> list[types.Location]:
        found = _definition(server, params)
        return [_location(found)] if found else []

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def refer(params: types.ReferenceParams) -> list[types.Location]:
        home = _definition(server, params)
        mentions = references(documents, home) if home else []
        return [_location(mention) for mention in mentions if params.context.include_declaration or mention != home]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        home = _definition(server, params)
        mentions = references(documents, home) if home else []
        here = [mention for mention in mentions if mention.text.uri == params.text_document.uri]
        return [types.DocumentHighlight(_location(mention).range) for mention in here]

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        text = server.text(params.text_document.uri)
        try:
            offset = text.lines.offset(params.position) if text else 0
            return renaming.rename(documents, text, offset, params.new_name) if text else None
        except renaming.Refused as reason:
            raise Refusal(str(reason)) from None

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(params: types.PrepareRenameParams) -> types.Range | None:
        text = server.text(params.text_document.uri)
        return renaming.prepare(documents, text, text.lines.offset(params.position)) if text else None


def _definition(server: SpecServer, params: Asked) -> Mention | None:
    text = server.text(params.text_document.uri)
    word = text.word_at(text.lines.offset(params.position)) if text else None
    return definition(server.documents, text, word) if text and word else None


def _location(mention: Mention) -> types.Location:
    return types.Location(mention.text.uri, mention.text.lines.range(mention.word.start, mention.word.end))


# --- a whole text ------------------------------------------------------------------------------------------------


def _answer_about_texts(server: SpecServer) -> None:
    documents, analyst = server.documents, server.analyst

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def lay_out(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        text = server.text(params.text_document.uri)
        return formatting.edits(text) if text else []

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        text = server.text(params.text_document.uri)
        if text is None:
            return []
        if analyst.shapes(text) is None:
            analyst.analyse(text)
        shapes = analyst.shapes(text)
        return hints(text, shapes, params.range) if shapes else []

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, fixes.FIX_ALL]),
    )
    def mend(params: types.CodeActionParams) -> list[types.CodeAction]:
        text = server.text(params.text_document.uri)
        return fixes.actions(analyst.analyse(text), documents, params.range, params.context.only) if text else []

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        text = server.text(params.text_document.uri)
        return outline.symbols(text) if text else []

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def fold(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        text = server.text(params.text_document.uri)
        return outline.folds(text) if text else []

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, coloring.LEGEND)
    def colour(params: types.SemanticTokensParams) -> types.SemanticTokens:
        text = server.text(params.text_document.uri)
        return types.SemanticTokens(coloring.tokens(documents, text) if text else [])
