/** The bytes of a stored list, as its readers take them. */
import type { ByteSource } from '../../lists/byte-source.js';
import type { ListStore, UploadedList } from '../../store/lists.js';

export const bytesOf = (
  lists: ListStore,
  { listId, bytes }: Pick<UploadedList, 'listId' | 'bytes'>,
): ByteSource => ({
  size: bytes,
  read: (from) => lists.read(listId, from),
});
