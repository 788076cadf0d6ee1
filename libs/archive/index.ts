export { ArchiveFolder } from './archive-folder';
export { type ArchivedShelf, archiveShelf, type ArchiveStep } from './archive-shelf';
export { checkArchives, type CheckedArchive } from './check-archives';
export { cutOf, planShelves, type ShelfPlan } from './shelf-plan';
