import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const configCenter = process.env.CONFIG_CENTER_URL ?? 'http://127.0.0.1:8001';

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2023', chunkSizeWarningLimit: 1500 },
  server: { port: 8080, proxy: { '/api': configCenter, '/docs': configCenter, '/openapi.json': configCenter } },
});
