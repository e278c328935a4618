// vite.config.ts - How the page is built: one entry, nothing inline (the policy of the core allows no
// inline script, style or font), a manifest for the size check.
import react from '@vitejs/plugin-react';
import { lingui } from '@lingui/vite-plugin';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react(), lingui({ failOnMissing: true, failOnCompileError: true })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2023',
    manifest: true,
    cssCodeSplit: false, // all of it is small: one request, no flash when a page is opened
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
  // `npm run dev` against a running demo: KW_URL=https://127.0.0.1:PORT npm run dev
  server: {
    proxy: process.env['KW_URL']
      ? { '/api': { target: process.env['KW_URL'], secure: false, ws: true, changeOrigin: true } }
      : {},
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.{ts,tsx}'],
    setupFiles: ['tests/setup.ts'],
    css: { modules: { classNameStrategy: 'non-scoped' } },
  },
});
