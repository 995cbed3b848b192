/** The database's versions, in order of their names. One that was released never changes: a change is a new one. */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

const MIGRATIONS: Record<string, Migration> = {
  '001_initial': {
    async up(db) {
      await db.schema
        .createTable('challenges')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('organs_json', 'text', (column) => column.notNull())
        .addColumn('rules', 'text', (column) => column.notNull())
        .addColumn('deadline', 'text')
        .addColumn('submissions_per_day', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('secret_hash', 'text', (column) => column.notNull())
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('challenge_id', 'text', (column) => column.references('challenges.id'))
        .addColumn('team', 'text')
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'text')
        .addColumn('revoked_at', 'text')
        .execute();
      await db.schema
        .createTable('cases')
        .addColumn('challenge_id', 'text', (column) => column.notNull().references('challenges.id'))
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('reference_key', 'text', (column) => column.notNull())
        .addColumn('grid_json', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('cases_key', ['challenge_id', 'name'])
        .execute();
      await db.schema
        .createTable('submissions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('challenge_id', 'text', (column) => column.notNull().references('challenges.id'))
        .addColumn('team', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('day', 'text', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('completed_at', 'text')
        .execute();
      await db.schema
        .createIndex('submissions_by_team')
        .on('submissions')
        .columns(['challenge_id', 'team', 'day'])
        .execute();
      await db.schema
        .createTable('submission_cases')
        .addColumn('submission_id', 'text', (column) => column.notNull().references('submissions.id'))
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('mask_key', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('scores_json', 'text')
        .addColumn('error', 'text')
        .addPrimaryKeyConstraint('submission_cases_key', ['submission_id', 'name'])
        .execute();
      await db.schema
        .createIndex('submission_cases_by_state')
        .on('submission_cases')
        .column('state')
        .execute();
      await db.schema
        .createTable('efficiency_logs')
        .addColumn('submission_id', 'text', (column) => column.notNull().references('submissions.id'))
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('log_key', 'text', (column) => column.notNull())
        .addColumn('figures_json', 'text', (column) => column.notNull())
        .addColumn('curve_json', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('efficiency_logs_key', ['submission_id', 'name', 'source'])
        .execute();
    },
  },
  '002_delete_whole_submissions': {
    async up(db) {
      // One statement then deletes a submission with its masks and logs.
      await sql`
        create trigger submission_deleted before delete on submissions begin
          delete from submission_cases where submission_id = old.id;
          delete from efficiency_logs where submission_id = old.id;
        end`.execute(db);
    },
  },
  '003_passed_over': {
    async up(db) {
      await db.schema
        .alterTable('submissions')
        .addColumn('passed_over_json', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
    },
  },
  '004_delete_whole_challenges': {
    async up(db) {
      await sql`
        create trigger challenge_deleted before delete on challenges begin
          delete from submissions where challenge_id = old.id;
          delete from cases where challenge_id = old.id;
          delete from keys where challenge_id = old.id;
        end`.execute(db);
    },
  },
};

/** Brings a database to the newest version; one that is there already is left as it is. */
// biome-ignore lint/suspicious/noExplicitAny: a migration sees no table types, as those are of the newest version.
export async function migrate(database: Kysely<any>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => MIGRATIONS } });
  const { error, results } = await migrator.migrateToLatest();
  const failed = results?.find(({ status }) => status === 'Error');
  if (error)
    throw new Error(`the database could not be brought to ${failed?.migrationName ?? 'its version'}`, {
      cause: error,
    });
}
