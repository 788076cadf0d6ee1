/** What a service's own providers and controllers inject; TypeORM's `DataSource` is injected by its class. */
export const SERVICE_CONTEXT = Symbol('countersign.context');
export const SERVICE_CONFIG = Symbol('countersign.config');
export const EVENT_STORE = Symbol('countersign.event-store');
export const BUS_PUBLISHER = Symbol('countersign.bus-publisher');
export const JOBS = Symbol('countersign.jobs');
export const CLOCK = Symbol('countersign.clock');
/** `ServiceContext['readModels']` */
export const READ_MODELS = Symbol('countersign.read-models');
