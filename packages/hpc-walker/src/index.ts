export * from "./errors";
export * from "./layout";
export { paddedLength, RecordCursor, type WideField } from "./record";
export { type EntryFields, RecordWriter } from "./record-writer";
export type { EntryBatch, Scanner, ScanOptions, ScanStats } from "./scanner";
